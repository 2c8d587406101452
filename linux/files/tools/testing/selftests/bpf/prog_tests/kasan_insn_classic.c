// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN: classic BPF, which no verifier sees. A filter reads from a packet whose bytes
 * are bad, and drops it before anything else can read them.
 */
#include <test_progs.h>
#include <network_helpers.h>

#include "kasan_helpers.h"
#include "../progs/kasan_insn_classic.h"
#include "kasan_insn_classic.skel.h"

#define FIRST_BYTE	0x62
#define MAGIC		0x4b415341

static int kmsg = -1;

/*
 * Accept the packet if a word of its payload is what it should be. The data starts with the UDP
 * header.
 */
static bool attach_filter(int fd)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, sizeof(struct udphdr)),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FIRST_BYTE, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct udphdr) + CLASSIC_BAD),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAGIC, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_MEM, 3),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog filter = { .len = ARRAY_SIZE(insns), .filter = insns };

	return ASSERT_OK(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)),
			 "attach filter");
}

static bool send_word(int fd, __u32 word)
{
	char payload[CLASSIC_PAYLOAD] = { FIRST_BYTE };

	word = htonl(word);
	memcpy(payload + CLASSIC_BAD, &word, sizeof(word));
	return ASSERT_EQ(send(fd, payload, sizeof(payload), 0), sizeof(payload), "send");
}

static int receive(int fd)
{
	char payload[CLASSIC_PAYLOAD];

	return recv(fd, payload, sizeof(payload), MSG_DONTWAIT);
}

/* Loopback delivers before send() returns. */
static void check_filter(struct kasan_insn_classic *skel, int client, int server,
			 bool instrumented)
{
	struct kasan_report report = {};

	if (!send_word(client, MAGIC))
		return;
	ASSERT_EQ(receive(server), CLASSIC_PAYLOAD, "accepted");
	ASSERT_EQ(kasan_log_read(kmsg, &report, 1), 0, "reports of good packets");

	skel->bss->poison = true;
	if (!send_word(client, MAGIC + 1))
		return;
	ASSERT_EQ(receive(server), -1, "dropped");
	ASSERT_TRUE(skel->bss->poisoned, "poisoned");
	if (!ASSERT_EQ(kasan_log_read(kmsg, &report, 1), instrumented, "reports") || !instrumented)
		return;

	ASSERT_STREQ(report.bug, "use-after-free", "bug class");
	ASSERT_STRNEQ(report.func, "0x", 2, "function without a symbol");
	ASSERT_FALSE(report.write, "is a write");
	ASSERT_EQ(report.size, CLASSIC_BAD_SIZE, "size");
}

static void test_socket_filter(bool instrumented)
{
	struct kasan_insn_classic *skel;
	int server, client = -1;

	server = start_server(AF_INET, SOCK_DGRAM, "127.0.0.1", 0, 0);
	if (!ASSERT_OK_FD(server, "start_server"))
		return;

	skel = kasan_insn_classic__open_and_load();
	if (!ASSERT_OK_PTR(skel, "open_and_load"))
		goto out;

	client = connect_to_fd(server, 0);
	skel->bss->port = get_socket_local_port(server);
	skel->links.poison_payload = bpf_program__attach_tcx(skel->progs.poison_payload, 1, NULL);
	if (!ASSERT_OK_FD(client, "connect") ||
	    !ASSERT_OK_PTR(skel->links.poison_payload, "attach to lo"))
		goto out;

	kasan_instrument(instrumented);
	if (attach_filter(server))
		check_filter(skel, client, server, instrumented);
	kasan_instrument(true);
out:
	close(client);
	close(server);
	kasan_insn_classic__destroy(skel);
}

void serial_test_kasan_insn_classic(void)
{
	kmsg = kasan_test_start();
	if (kmsg < 0)
		return;

	if (test__start_subtest("on"))
		test_socket_filter(true);
	if (test__start_subtest("off"))
		test_socket_filter(false);
	kasan_test_end(kmsg);
}
