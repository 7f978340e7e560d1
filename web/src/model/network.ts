/** The physical network as the page knows it: a snapshot, and events applied to it. Pure. */

import type {
  ApiEvent,
  Cut,
  Link,
  Port,
  PortRef,
  Segment,
  Station,
  Switch,
  Topology,
} from "../api/types.ts";

export interface Network {
  readonly switches: ReadonlyMap<string, Switch>;
  /** Directions of cables, by `linkKey`. */
  readonly links: ReadonlyMap<string, Link>;
  /** Stations, by `stationId`. */
  readonly stations: ReadonlyMap<string, Station>;
  /** Segments, by `segmentId`. */
  readonly segments: ReadonlyMap<string, Segment>;
}

export const EMPTY: Network = {
  switches: new Map(),
  links: new Map(),
  stations: new Map(),
  segments: new Map(),
};

export const portKey = (ref: PortRef): string => `${ref.dpid}:${ref.port_no}`;
export const linkKey = (link: Cut): string => `${portKey(link.src)}>${portKey(link.dst)}`;
export const stationId = (one: Pick<Station, "mac" | "vlan">): string =>
  one.vlan == null ? `host:${one.mac}` : `host:${one.mac}:${one.vlan}`;
export const segmentId = (one: Segment): string =>
  one.ports[0] === undefined ? "segment:" : `segment:${portKey(one.ports[0])}`;

/** Return the name of a cable, the same for both of its directions. */
export function cableKey(link: Cut): string {
  const one = portKey(link.src);
  const other = portKey(link.dst);
  return one < other ? `${one}=${other}` : `${other}=${one}`;
}

export function fromSnapshot(topology: Topology): Network {
  return {
    switches: new Map(topology.switches.map((one) => [one.dpid, one])),
    links: new Map(topology.links.map((one) => [linkKey(one), one])),
    stations: new Map(topology.hosts.map((one) => [stationId(one), one])),
    segments: new Map((topology.segments ?? []).map((one) => [segmentId(one), one])),
  };
}

export interface Applied {
  network: Network;
  /** Whether something came that only a new snapshot can tell. */
  incomplete: boolean;
}

interface Draft {
  switches: Map<string, Switch>;
  links: Map<string, Link>;
  stations: Map<string, Station>;
  segments: Map<string, Segment>;
  incomplete: boolean;
}

/** Return the network after `events`; what none of them concerns stays the same object. */
export function applyEvents(network: Network, events: readonly ApiEvent[]): Applied {
  if (!events.some((event) => event.kind in APPLY)) return { network, incomplete: false };
  const draft: Draft = {
    switches: new Map(network.switches),
    links: new Map(network.links),
    stations: new Map(network.stations),
    segments: new Map(network.segments),
    incomplete: false,
  };
  for (const event of events) APPLY[event.kind]?.(draft, event.data as never);
  const { incomplete, ...after } = draft;
  return { network: after, incomplete };
}

type Apply = (draft: Draft, data: never) => void;

const APPLY: Record<string, Apply> = {
  switch_join: (draft, data: Switch) => {
    draft.switches.set(data.dpid, { ...data, connected: true });
  },
  switch_leave: (draft, data: Switch) => leave(draft, data.dpid),
  switch_name: (draft, data: { dpid: string; name: string | null }) => {
    const one = draft.switches.get(data.dpid);
    if (one !== undefined) draft.switches.set(data.dpid, { ...one, name: data.name });
  },
  port_add: setPort,
  port_modify: setPort,
  port_delete: (draft, data: PortRef) => {
    const one = draft.switches.get(data.dpid);
    if (one === undefined) return;
    const ports = one.ports.filter((port) => port.port_no !== data.port_no);
    draft.switches.set(data.dpid, { ...one, ports });
  },
  link_add: addLink,
  link_delete: (draft, data: Cut) => {
    draft.links.delete(linkKey(data));
    const back = linkKey(reverse(data));
    const other = draft.links.get(back);
    if (other !== undefined) draft.links.set(back, { ...other, bidirectional: false });
  },
  tree_change: changeTree,
  segment_add: (draft, data: Segment) => {
    draft.segments.set(segmentId(data), data);
  },
  segment_delete: (draft, data: Segment) => {
    draft.segments.delete(segmentId(data));
  },
  host_add: setStation,
  host_modify: setStation,
  host_move: setStation,
  host_delete: (draft, data: Station) => {
    draft.stations.delete(stationId(data));
  },
};

/** Forget a switch; its links and stations are told apart, but may have been told before. */
function leave(draft: Draft, dpid: string): void {
  draft.switches.delete(dpid);
  for (const [key, link] of draft.links) {
    if (link.src.dpid === dpid || link.dst.dpid === dpid) draft.links.delete(key);
  }
}

function setPort(draft: Draft, data: Partial<Port> & PortRef): void {
  const one = draft.switches.get(data.dpid);
  if (one === undefined || data.up === undefined) {
    draft.incomplete = true;
    return;
  }
  const { dpid, ...port } = data as Port & PortRef;
  const others = one.ports.filter((other) => other.port_no !== port.port_no);
  const ports = [...others, port].sort((a, b) => a.port_no - b.port_no);
  draft.switches.set(dpid, { ...one, ports });
}

function addLink(draft: Draft, data: Partial<Link> & Cut): void {
  const back = linkKey(reverse(data));
  const other = draft.links.get(back);
  const bidirectional = data.bidirectional ?? other !== undefined;
  const in_tree = data.in_tree ?? other?.in_tree ?? null;
  draft.links.set(linkKey(data), { src: data.src, dst: data.dst, bidirectional, in_tree });
  if (other !== undefined && bidirectional) {
    draft.links.set(back, { ...other, bidirectional: true });
  }
}

function changeTree(
  draft: Draft,
  data: { added?: Cut[]; removed?: Cut[]; left_out?: number },
): void {
  if (data.added === undefined || data.removed === undefined || (data.left_out ?? 0) > 0) {
    draft.incomplete = true;
    return;
  }
  for (const cable of data.removed) mark(draft, cable, false);
  for (const cable of data.added) mark(draft, cable, true);
}

function mark(draft: Draft, cable: Cut, in_tree: boolean): void {
  for (const key of [linkKey(cable), linkKey(reverse(cable))]) {
    const link = draft.links.get(key);
    if (link !== undefined) draft.links.set(key, { ...link, in_tree });
  }
}

function setStation(draft: Draft, data: Station): void {
  draft.stations.set(stationId(data), data);
}

export function reverse(link: Cut): Cut {
  return { src: link.dst, dst: link.src };
}

/** A cable: two ends, and what its directions say. */
export interface Cable {
  id: string;
  a: PortRef;
  b: PortRef;
  inTree: boolean | null;
  /** Whether both directions are there. */
  whole: boolean;
}

/** Return the cables of a network, by their names. */
export function cablesOf(network: Network): Map<string, Cable> {
  const cables = new Map<string, Cable>();
  for (const link of network.links.values()) {
    const id = cableKey(link);
    const known = cables.get(id);
    if (known !== undefined) {
      known.whole = true;
      known.inTree = known.inTree === true || link.in_tree === true ? true : known.inTree;
      continue;
    }
    cables.set(id, { id, a: link.src, b: link.dst, inTree: link.in_tree, whole: false });
  }
  return cables;
}
