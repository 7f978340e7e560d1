/** The objects of the world as rows of a tree table: grouped, filtered, sorted. Pure. */

import { loadsOf } from "../picture/elements.ts";
import {
  bps,
  counted,
  flowLabel,
  matchText,
  portLabel,
  shortDpid,
  stationLabel,
  switchLabel,
} from "./naming.ts";
import { cablesOf, linkKey } from "./network.ts";
import { routerId, type World, xenHostId } from "./world.ts";

export type Kind =
  | "switch"
  | "cable"
  | "station"
  | "xen_host"
  | "router"
  | "flow"
  | "slice"
  | "network";

export interface Row {
  /** What the selection holds: the id in the picture, or `flow:ID`, `slice:NAME`, `network:NAME`. */
  id: string;
  kind: Kind;
  name: string;
  state: string;
  detail: string;
  level: number;
}

export interface Group {
  title: string;
  rows: Row[];
  /** Why it is empty, where the deployment lacks the part. */
  absent: string | null;
}

export type SortKey = "name" | "state" | "detail";

export interface Order {
  key: SortKey;
  descending: boolean;
}

export function groupsOf(world: World): Group[] {
  return [
    { title: "Switches", rows: switches(world), absent: world.noSwitches },
    { title: "Links", rows: cables(world), absent: world.noSwitches },
    { title: "Stations", rows: stations(world), absent: world.noSwitches },
    { title: "Flows", rows: flows(world), absent: world.flows.absent },
    { title: "Xen hosts", rows: xen(world), absent: world.xenHosts.absent },
    { title: "Slices", rows: slices(world), absent: world.slices.absent },
    { title: "Virtual networks", rows: networks(world), absent: world.networks.absent },
  ];
}

/** Return the groups with the rows that have every word of `text` somewhere, in order. */
export function arranged(groups: readonly Group[], text: string, order: Order): Group[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return groups.map((group) => {
    const rows = group.rows.filter((row) => matches(row, words));
    // Routers stay below their hosts.
    return { ...group, rows: rows.some((row) => row.level > 2) ? rows : sorted(rows, order) };
  });
}

function matches(row: Row, words: readonly string[]): boolean {
  const told = `${row.id} ${row.name} ${row.state} ${row.detail}`.toLowerCase();
  return words.every((word) => told.includes(word));
}

const collator = new Intl.Collator("en", { numeric: true });

function sorted(rows: readonly Row[], { key, descending }: Order): Row[] {
  const turn = descending ? -1 : 1;
  return [...rows].sort((a, b) => turn * collator.compare(a[key], b[key]));
}

function switches({ network }: World): Row[] {
  return [...network.switches.values()].map((one) => ({
    id: one.dpid,
    kind: "switch",
    name: switchLabel(one.dpid, network.switches),
    state: one.connected ? "connected" : "away",
    detail: `OpenFlow ${one.openflow}, ${one.ports.filter((port) => port.up).length} ports up`,
    level: 2,
  }));
}

function cables({ network, loads }: World): Row[] {
  const loaded = loadsOf(loads);
  return [...cablesOf(network).values()].map((one) => {
    const rates = [
      { src: one.a, dst: one.b },
      { src: one.b, dst: one.a },
    ].map((way) => loaded.get(linkKey(way))?.bps ?? 0);
    const ends = [one.a, one.b].map((end) => portLabel(end, network.switches));
    return {
      id: one.id,
      kind: "cable",
      name: ends.join(" – "),
      state: one.inTree ? "tree" : one.whole ? "spare" : "one way",
      detail: bps(Math.max(...rates)),
      level: 2,
    };
  });
}

function stations({ network }: World): Row[] {
  return [...network.stations].map(([id, one]) => ({
    id,
    kind: "station",
    name: stationLabel(one),
    state: portLabel(one, network.switches),
    detail: one.mac,
    level: 2,
  }));
}

function flows({ flows: { known } }: World): Row[] {
  return [...known.values()].map((one) => ({
    id: `flow:${one.id}`,
    kind: "flow",
    name: flowLabel(one),
    state: one.state,
    detail: matchText(one.match),
    level: 2,
  }));
}

function xen(world: World): Row[] {
  return [...world.xenHosts.known.values()].flatMap((host) => {
    const own: Row = {
      id: xenHostId(host.name),
      kind: "xen_host",
      name: host.name,
      state: host.state,
      detail: host.hypervisor ?? host.reason,
      level: 2,
    };
    const routers = (world.domains.get(host.name) ?? []).map(
      (one): Row => ({
        id: routerId(host.name, one.name),
        kind: "router",
        name: one.name,
        state: one.state,
        detail: `on ${host.name}`,
        level: 3,
      }),
    );
    return [own, ...routers];
  });
}

function slices({ slices: { known } }: World): Row[] {
  return [...known.values()].map((one) => ({
    id: `slice:${one.name}`,
    kind: "slice",
    name: one.name,
    state: one.enabled ? "enabled" : "disabled",
    detail: counted(one.flowspace.length, "rule"),
    level: 2,
  }));
}

function networks({ networks: { known } }: World): Row[] {
  return [...known.values()].map((one) => ({
    id: `network:${one.name}`,
    kind: "network",
    name: one.name,
    state: "",
    detail:
      one.definition.vlan === undefined ? `ip ${one.definition.ip}` : `vlan ${one.definition.vlan}`,
    level: 2,
  }));
}

/** Return the ids in the picture of a way through switches: these, and the cables between them. */
export function wayIds(
  hops: readonly { dpid: string; in_port: number; out_port: number }[],
): Set<string> {
  const ids = new Set<string>(hops.map((hop) => hop.dpid));
  hops.forEach((hop, place) => {
    const next = hops[place + 1];
    if (next === undefined) return;
    const ends = [`${hop.dpid}:${hop.out_port}`, `${next.dpid}:${next.in_port}`].sort();
    ids.add(ends.join("="));
  });
  return ids;
}

export const searchable = (row: Row): string => `${row.name} ${shortDpid(row.id)} ${row.detail}`;
