// SPDX-License-Identifier: GPL-2.0-only
/*
 * What programs of the kernel's selftests need to do their real work in a test run: entries in
 * their maps, and a packet or the memory of a process to look at.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define TC_REDIRECT	7
#define XDP_TX		3

static int update(struct bpf_object *obj, const char *map, const void *key, const void *value)
{
	return bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, map), key, value, 0);
}

static int update_u32(struct bpf_object *obj, const char *map, __u32 key, const void *value)
{
	return update(obj, map, &key, value);
}

struct tcp_packet {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

#define CLIENT	0x0a0a0201
#define SERVER	0x0a0a0101
#define REAL	0xc0a80102

static int make_packet(void *to, bool syn)
{
	const struct tcp_packet packet = {
		.eth = {
			.h_dest = { 2, 0, 0, 0, 0, 1 },
			.h_source = { 2, 0, 0, 0, 0, 2 },
			.h_proto = htons(ETH_P_IP),
		},
		.ip = {
			.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
			.tot_len = htons(sizeof(packet) - sizeof(packet.eth)),
			.saddr = htonl(CLIENT), .daddr = htonl(SERVER),
		},
		.tcp = {
			.source = htons(12345), .dest = htons(80),
			.doff = sizeof(packet.tcp) / 4, .syn = syn, .ack = !syn,
		},
	};

	memcpy(to, &packet, sizeof(packet));
	return sizeof(packet);
}

/* test_l4lb: a packet to a virtual address that leaves through a tunnel to a real one. */
static int setup_l4lb(struct bpf_object *obj, void *packet)
{
	struct {
		__u32 daddr[4];
		__u16 dport, family;
		__u8 protocol;
	} vip = { .daddr = { htonl(SERVER) }, .dport = htons(80), .protocol = IPPROTO_TCP };
	struct {
		__u32 flags, num;
	} meta = { .num = 2 };
	struct {
		__u32 addr[4];
		__u8 flags;
	} real = { .addr = { htonl(REAL) } };
	const __u32 number = 3;

	if (update(obj, "vip_map", &vip, &meta) || update_u32(obj, "reals", number, &real))
		return -1;
	/* Of the ring for this address, whichever place the packet's hash has. */
	for (__u32 i = 0; i < 2; i++)
		if (update_u32(obj, "ch_rings", meta.num * 2 + i, &number))
			return -1;
	return make_packet(packet, true);
}

static int add_flow(struct bpf_object *obj, __u32 real)
{
	struct {
		__u32 src[4], dst[4];
		__u16 sport, dport;
		__u8 proto, pad[3];
	} flow = { .src = { htonl(CLIENT) }, .dst = { htonl(SERVER) }, .sport = htons(12345),
		   .dport = htons(80), .proto = IPPROTO_TCP };
	struct {
		__u32 pos;
		__u64 time;
	} lru = { .pos = real };
	const __u32 cpu = 0;
	int fd, err;

	fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "flows", sizeof(flow), sizeof(lru), 1000, NULL);
	err = bpf_map_update_elem(fd, &flow, &lru, 0) ?: update(obj, "lru_mapping", &cpu, &fd);
	close(fd);
	return err;
}

/* Set a global variable. It may be in a section that cannot be mapped. */
static int set_batch_iters(struct bpf_object *obj, __u32 value)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".bss");
	const struct btf *btf = bpf_object__btf(obj);
	const struct btf_type *sec;
	const struct btf_var_secinfo *var;
	void *bss;
	unsigned int i;
	size_t size;
	int id;

	id = btf__find_by_name_kind(btf, ".bss", BTF_KIND_DATASEC);
	if (!map || id < 0)
		return -1;
	bss = bpf_map__initial_value(map, &size);
	sec = btf__type_by_id(btf, id);
	for (i = 0, var = btf_var_secinfos(sec); i < btf_vlen(sec); i++, var++) {
		const struct btf_type *type = btf__type_by_id(btf, var->type);

		if (strcmp(btf__name_by_offset(btf, type->name_off), "batch_iters"))
			continue;
		*(__u32 *)(bss + var->offset) = value;
		return 0;
	}
	return -1;
}

#define LB_BATCH 63

/* xdp_lb_bench: packets of a known flow, encapsulated and sent back, in a loop of its own. */
static int setup_lb(struct bpf_object *obj, void *packet)
{
	struct {
		__u32 addr[4];
		__u16 port;
		__u8 proto, pad;
	} vip = { .addr = { htonl(SERVER) }, .port = htons(80), .proto = IPPROTO_TCP };
	struct {
		__u32 flags, num;
	} meta = {};
	struct {
		__u32 addr, addr6[4];
		__u8 flags;
	} real = { .addr = htonl(REAL) };
	const __u8 mac[8] = { 2, 0, 0, 0, 0, 3 };

	if (update(obj, "vip_map", &vip, &meta) || update_u32(obj, "reals", 1, &real) ||
	    update_u32(obj, "ctl_array", 0, mac) || add_flow(obj, 1) ||
	    set_batch_iters(obj, LB_BATCH))
		return -1;
	return make_packet(packet, false);
}

struct py_offsets {
	int frame, thread, back, code, lineno, filename, name, data, size;
};

struct py_pid {
	uintptr_t state_addr, key_addr;
	struct py_offsets offsets;
	bool use_tls;
};

/* pyperf: a stack of frames in this process, without names: its symbol table has one place. */
static int setup_pyperf(struct bpf_object *obj, void *packet)
{
	static struct py_frame {
		void *back, *code;
	} frames[1000];
	static void *names[2], *state[1] = { frames }, *state_addr = state;
	struct py_pid data = {
		.state_addr = (uintptr_t)&state_addr,
		.offsets = { .frame = 0, .back = offsetof(struct py_frame, back),
			     .code = offsetof(struct py_frame, code),
			     .filename = 0, .name = sizeof(void *) },
	};
	const __u8 zero[4096] = {};
	const int pid = getpid();

	for (int i = 0; i < 1000; i++)
		frames[i] = (struct py_frame){
			.back = i < 999 ? &frames[i + 1] : NULL,
			.code = names,
		};
	if (update(obj, "pidmap", &pid, &data) || update(obj, "eventmap", zero, zero) ||
	    update(obj, "symbolmap", zero, zero))
		return -1;
	return 0;
}

const struct real reals[] = {
	{ "xdp_lb", "xdp_lb_bench", "xdp_lb_bench", RUN_XDP, 1, LB_BATCH + 1, XDP_TX, setup_lb },
	{ "l4lb", "test_l4lb", "balancer_ingress", RUN_TC, 20, 1, TC_REDIRECT, setup_l4lb },
	{ "pyperf", "pyperf600_iter", "on_event", RUN_RAW_TP, 1, 3000, 0, setup_pyperf },
	/* Its configuration is indexed by a process id below 32: it would find nothing. */
	{ .name = "strobemeta", .object = "strobemeta_bpf_loop", .program = "on_event" },
};

const int nr_reals = sizeof(reals) / sizeof(*reals);
