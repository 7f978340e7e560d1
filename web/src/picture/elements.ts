/** What stands in the picture: nodes and edges made of the world. Pure. */

import type { Loads } from "../api/types.ts";
import { bps, stationLabel, switchLabel } from "../model/naming.ts";
import { type Cable, cablesOf, linkKey } from "../model/network.ts";
import { routerId, type World, xenHostId } from "../model/world.ts";

export interface PictureNode {
  id: string;
  kind: "switch" | "station" | "segment" | "xen_host" | "router";
  label: string;
  parent: string | null;
  up: boolean;
}

export interface PictureEdge {
  id: string;
  kind: "cable" | "access" | "joint" | "xen_link";
  source: string;
  target: string;
  tree: boolean | null;
  whole: boolean;
  label: string;
  width: number;
}

export interface Elements {
  nodes: PictureNode[];
  edges: PictureEdge[];
}

const THIN = 1.6;
const WIDEST = 9;

export function elementsOf(world: World): Elements {
  const nodes = [...networkNodes(world), ...xenNodes(world)];
  const known = new Set(nodes.map((one) => one.id));
  const edges = [...networkEdges(world), ...xenEdges(world)];
  return { nodes, edges: edges.filter((one) => known.has(one.source) && known.has(one.target)) };
}

function networkNodes({ network }: World): PictureNode[] {
  const switches = [...network.switches.values()].map(
    (one): PictureNode => ({
      id: one.dpid,
      kind: "switch",
      label: switchLabel(one.dpid, network.switches),
      parent: null,
      up: one.connected,
    }),
  );
  const stations = [...network.stations].map(
    ([id, one]): PictureNode => ({
      id,
      kind: "station",
      label: stationLabel(one),
      parent: null,
      up: true,
    }),
  );
  const segments = [...network.segments.keys()].map(
    (id): PictureNode => ({ id, kind: "segment", label: "segment", parent: null, up: true }),
  );
  return [...switches, ...stations, ...segments];
}

function xenNodes(world: World): PictureNode[] {
  const nodes: PictureNode[] = [];
  for (const host of world.xenHosts.known.values()) {
    const up = host.state === "connected";
    const parent = xenHostId(host.name);
    nodes.push({ id: parent, kind: "xen_host", label: host.name, parent: null, up });
    for (const one of world.domains.get(host.name) ?? []) {
      const id = routerId(host.name, one.name);
      nodes.push({
        id,
        kind: "router",
        label: one.name,
        parent,
        up: up && one.state === "running",
      });
    }
  }
  return nodes;
}

function networkEdges({ network, loads }: World): PictureEdge[] {
  const loaded = loadsOf(loads);
  const cables = [...cablesOf(network).values()].map((one) => cableEdge(one, loaded));
  const access = [...network.stations].map(
    ([id, one]): PictureEdge => ({
      ...PLAIN,
      id: `${id}>`,
      kind: "access",
      source: id,
      target: one.dpid,
    }),
  );
  const joints = [...network.segments].flatMap(([id, one]) =>
    one.ports.map(
      (port, place): PictureEdge => ({
        ...PLAIN,
        id: `${id}>${place}`,
        kind: "joint",
        source: id,
        target: port.dpid,
      }),
    ),
  );
  return [...cables, ...access, ...joints];
}

const PLAIN = { tree: null, whole: true, label: "", width: THIN };

function cableEdge(cable: Cable, loaded: ReadonlyMap<string, Load>): PictureEdge {
  const ways = [
    loaded.get(linkKey({ src: cable.a, dst: cable.b })),
    loaded.get(linkKey({ src: cable.b, dst: cable.a })),
  ];
  const rate = Math.max(...ways.map((one) => one?.bps ?? 0));
  return {
    id: cable.id,
    kind: "cable",
    source: cable.a.dpid,
    target: cable.b.dpid,
    tree: cable.inTree,
    whole: cable.whole,
    label: rate >= NOTABLE ? bps(rate) : "",
    width: widthOf(rate),
  };
}

interface Load {
  bps: number | null;
  percent: number | null;
}

const NOTABLE = 100_000;
/** Bits per second: below that are probes and ARP, which would clutter the picture. */

export function loadsOf(loads: Loads | null): ReadonlyMap<string, Load> {
  const links = loads?.links ?? [];
  return new Map(links.map((one) => [linkKey(one), { bps: one.bps, percent: one.load_percent }]));
}

/** Return how wide a cable is drawn that carries so many bits per second: by its logarithm. */
export function widthOf(rate: number): number {
  if (rate < NOTABLE) return THIN;
  const decades = Math.log10(rate / NOTABLE);
  return Math.min(WIDEST, Math.round((THIN + 0.9 + 1.5 * decades) * 10) / 10);
}

function xenEdges(world: World): PictureEdge[] {
  const graph = world.xenTopology;
  if (graph === null) return [];
  const names = new Map<string, string>();
  for (const part of [graph.physical, ...Object.values(graph.virtual)]) {
    for (const node of part.nodes) {
      names.set(
        node.id,
        node.uuid === null ? xenHostId(node.host) : routerId(node.host, node.name),
      );
    }
  }
  const networks: [string, typeof graph.physical][] = [
    ["", graph.physical],
    ...Object.entries(graph.virtual),
  ];
  return networks.flatMap(([name, part]) =>
    part.links.map((link, place): PictureEdge => {
      const ends = {
        source: names.get(link.src.node) ?? "",
        target: names.get(link.dst.node) ?? "",
      };
      return { ...PLAIN, ...ends, id: `xen:${name}:${place}>`, kind: "xen_link", label: name };
    }),
  );
}
