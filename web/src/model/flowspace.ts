/** What of the picture rules of a slice reach: their switches, and what is at their ports. Pure. */

import type { PortRef } from "../api/types.ts";
import { cablesOf, type Network } from "./network.ts";

/** Of a rule as it is told, and of one that is being written. */
export interface Reach {
  dpids?: unknown;
  ports?: unknown;
  match?: unknown;
}

/** Return the ids of what `rules` reach: of a cable, both ends are to be theirs. */
export function reached(rules: readonly Reach[], network: Network): Set<string> {
  const has = (end: PortRef) => rules.some((rule) => takes(rule, end.dpid, end.port_no));
  const ids = new Set<string>();
  for (const dpid of network.switches.keys()) {
    if (rules.some((rule) => onSwitch(rule, dpid))) ids.add(dpid);
  }
  for (const cable of cablesOf(network).values()) {
    if (has(cable.a) && has(cable.b)) ids.add(cable.id);
  }
  for (const [id, station] of network.stations) {
    if (has(station)) ids.add(id).add(`${id}>`);
  }
  return ids;
}

/** Return the ids of a part of the network, as the picture has them. */
export function idsOf(part: Network): Set<string> {
  const stations = [...part.stations.keys()].flatMap((id) => [id, `${id}>`]);
  const cables = cablesOf(part).keys();
  return new Set([...part.switches.keys(), ...cables, ...stations, ...part.segments.keys()]);
}

function onSwitch({ dpids }: Reach, dpid: string): boolean {
  return !Array.isArray(dpids) || dpids.includes(dpid);
}

function takes(rule: Reach, dpid: string, port: number): boolean {
  if (!onSwitch(rule, dpid)) return false;
  const match = (rule.match ?? {}) as Record<string, unknown>;
  const wanted = rule.ports ?? match.in_port;
  if (wanted == null) return true;
  return [wanted].flat().some((one) =>
    String(one)
      .split(",")
      .some((text) => within(text, port)),
  );
}

/** Tell whether a number is one, or in the range, that a text says. */
function within(text: string, port: number): boolean {
  const [low, high] = text.split("-").map(Number);
  return low !== undefined && port >= low && port <= (high ?? low);
}
