/** The documents of the API that the page reads and sends; `/v1/openapi.json` has every member. */

export interface Port {
  port_no: number;
  name: string;
  hw_addr: string;
  up: boolean;
  speed_kbps: number;
}

export interface Switch {
  dpid: string;
  name?: string | null;
  address: string;
  openflow: string;
  connected: boolean;
  ports: Port[];
  unanswered?: string[];
}

export interface PortRef {
  dpid: string;
  port_no: number;
}

export interface Link {
  src: PortRef;
  dst: PortRef;
  bidirectional: boolean;
  in_tree: boolean | null;
}

export interface Cut {
  src: PortRef;
  dst: PortRef;
}

export interface Station {
  mac: string;
  ips: string[];
  dpid: string;
  port_no: number;
  vlan?: number;
}

export interface Segment {
  ports: PortRef[];
}

export interface Topology {
  switches: Switch[];
  links: Link[];
  hosts: Station[];
  segments?: Segment[];
}

export interface Hop {
  dpid: string;
  in_port: number;
  out_port: number;
}

export type Match = Record<string, string | number>;

export interface Flow {
  id: string;
  kind: string;
  state: string;
  reason?: string;
  match: Match;
  cookie?: string;
  path: Hop[];
  path_kind?: string;
  src?: PortRef;
  dst?: PortRef;
  waypoints?: string[];
  dpid?: string;
  actions?: Record<string, unknown>[];
  priority?: number;
  idle_timeout?: number;
  hard_timeout?: number;
  reverse?: string;
  packets?: number | null;
  bytes?: number | null;
}

export interface PlanMessage {
  dpid: string;
  command: string;
  match?: Match;
  priority?: number;
  actions?: Record<string, unknown>[];
}

export interface Wave {
  kind: string;
  messages: PlanMessage[];
}

export interface PlanSummary {
  added: string[];
  replaced: string[];
  deleted: string[];
  kept: string[];
}

export interface FlowMigration {
  id: string;
  kind: "flow";
  flow: string;
  state: string;
  path_kind: string;
  path: Hop[];
  previous_path: Hop[];
  started: number;
  duration_ms: number | null;
  waves: number;
  error?: { detail: string; switch: string | null };
  plan?: Wave[];
  summary?: PlanSummary;
  undo?: Record<string, unknown>;
}

export interface RouterStep {
  name: string;
  state: string;
  began_s: number | null;
  ended_s: number | null;
  detail: string | null;
}

export interface RouterMigration {
  id: string;
  kind: "router";
  host: string;
  domain: string;
  destination: string;
  mode: string;
  state: string;
  started: number;
  duration_ms: number | null;
  pause_ms: number | null;
  lost: number | null;
  problem: string | null;
  silence: string | null;
  steps: RouterStep[];
  unsettled?: string;
  refusals?: { field: string; reason: string }[];
}

export type Migration = FlowMigration | RouterMigration;

export interface XenHost {
  name: string;
  url: string;
  state: "unknown" | "connected" | "away";
  reason: string;
  hypervisor: string | null;
  version: string | null;
  scheduler: string | null;
  cpus: number | null;
  memory_kb: number | null;
  free_memory_kb: number | null;
  capabilities: string[];
  domains: number | null;
}

export interface Domain {
  id: number | null;
  name: string;
  uuid: string;
  state: string;
  memory_kb: number | null;
  vcpus: { current: number | null; maximum: number | null; affinity?: unknown } | null;
  scheduler: { kind: string | null; weight: number | null; cap: number | null } | null;
  cpu_time_s: number | null;
  network?: string | null;
  interfaces: { mac: string | null; bridge?: string | null; target?: string | null }[] | null;
}

export interface XenGraph {
  nodes: { id: string; name: string; host: string; uuid: string | null; state: string }[];
  links: { src: { node: string }; dst: { node: string; latency_ms: number | null } }[];
}

export interface XenTopology {
  physical: XenGraph;
  virtual: Record<string, XenGraph>;
}

export interface SliceRule {
  id: number;
  dpids: "all" | string[];
  ports?: unknown;
  match: Record<string, unknown>;
  priority: number;
  permissions: string;
}

export interface Slice {
  name: string;
  enabled: boolean;
  controllers: { url: string; role?: string }[];
  flowspace: SliceRule[];
  description?: string;
  contact?: string;
  clashes?: ClashReport;
}

export interface ClashReport {
  whole: boolean;
  clashes: {
    kind: string;
    first: { slice: string; rule: number };
    second: { slice: string; rule: number };
    dpids: "all" | string[];
    match: Record<string, unknown>;
    example: Record<string, unknown>;
  }[];
}

export interface VirtualNetwork {
  name: string;
  definition: { vlan?: number; ip?: string };
}

export interface Position {
  x: number;
  y: number;
  pinned?: boolean;
}

export interface PortLoad extends PortRef {
  rx_bps: number | null;
  tx_bps: number | null;
  dropped_per_s: number | null;
  speed_kbps: number;
}

export interface Loads {
  at: number;
  ports: PortLoad[];
  links: { src: PortRef; dst: PortRef; bps: number | null; load_percent: number | null }[];
}

export interface History {
  seconds: number;
  step: number;
  now: number;
  ports: {
    dpid: string;
    port_no: number;
    times: number[];
    rx_bps: (number | null)[];
    tx_bps: (number | null)[];
    dropped_per_s: (number | null)[];
  }[];
}

export interface WhatIf {
  flows: {
    id: string;
    outcome: "unchanged" | "moves" | "breaks" | "restored" | "stays_broken";
    path: Hop[];
    new_path: Hop[] | null;
    reason?: string | null;
  }[];
  counts: Record<string, number>;
  tree: { blocked: number; added: Cut[]; removed: Cut[] } | null;
  parts: number;
  hosts_cut_off: PortRef[];
}

export interface Measures {
  id: string;
  cpu_percent: number | null;
  memory_percent: number | null;
  throughput_bps: { rx: number | null; tx: number | null };
  dropped_per_s: number | null;
  echo_ms: number | null;
}

export interface ApiEvent {
  seq: number;
  at: number;
  kind: string;
  data: Record<string, unknown>;
}
