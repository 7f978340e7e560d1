/** The request for a flow, from what somebody wrote or clicked: ends, waypoints, match. Pure. */

import { Problem } from "../api/problem.ts";
import type { PortRef, Station, Switch } from "../api/types.ts";
import { switchLabel } from "../model/naming.ts";

export interface Drawn {
  from: string;
  to: string;
  through: string;
  match: string;
  priority: string;
  both: boolean;
}

export interface FlowBody {
  match: Record<string, string | number | boolean>;
  src: PortRef;
  dst: PortRef;
  waypoints?: string[];
  priority?: number;
  bidirectional?: boolean;
}

type Switches = ReadonlyMap<string, Pick<Switch, "name" | "dpid">>;
type Stations = ReadonlyMap<string, Station>;

/** Return the body of the request; a Problem names the fields that are not as they must be. */
export function flowBody(drawn: Drawn, switches: Switches, stations: Stations): FlowBody {
  const faults: { loc: string[]; msg: string }[] = [];
  const end = (text: string, loc: string): PortRef => {
    const found = endOf(text, switches, stations);
    if (found !== null) return found;
    const msg = text.trim() === "" ? "say where: a station, or SWITCH:PORT" : unknownEnd(text);
    faults.push({ loc: [loc], msg });
    return { dpid: "", port_no: 0 };
  };
  const src = end(drawn.from, "src");
  const dst = end(drawn.to, "dst");
  const priority = drawn.priority.trim();
  if (!/^\d*$/.test(priority)) faults.push({ loc: ["priority"], msg: "is a number" });
  if (faults.length > 0) throw new Problem(422, "Not yet a flow", "See the fields.", faults, null);
  const waypoints = listed(drawn.through).map((one) => dpidOf(one, switches));
  return {
    match: matchOf(drawn.match),
    src,
    dst,
    ...(waypoints.length > 0 ? { waypoints } : {}),
    ...(priority === "" ? {} : { priority: Number(priority) }),
    ...(drawn.both ? { bidirectional: true } : {}),
  };
}

/** Return the words of the same as horizonctl takes them. */
export function flowWords(drawn: Drawn): (string | null)[] {
  const given = (option: string, text: string) => (text.trim() === "" ? [] : [option, text.trim()]);
  return [
    ...["flows", "add"],
    ...given("--match", drawn.match),
    ...given("--from", drawn.from),
    ...given("--to", drawn.to),
    ...given("--through", listed(drawn.through).join(",")),
    ...given("--priority", drawn.priority),
    drawn.both ? "--both" : null,
  ];
}

/** Return the port that is meant: of a station by its address, or SWITCH:PORT; null if neither. */
export function endOf(text: string, switches: Switches, stations: Stations): PortRef | null {
  const wanted = text.trim().toLowerCase();
  for (const one of stations.values()) {
    if (one.mac === wanted || one.ips.some((ip) => ip.toLowerCase() === wanted))
      return { dpid: one.dpid, port_no: one.port_no };
  }
  const port = /^([^:]+):(\d+)$/.exec(text.trim());
  if (port === null) return null;
  return { dpid: dpidOf(port[1] as string, switches), port_no: Number(port[2]) };
}

/** Return the dpid of what a switch is called here; what is not known is left for the API to judge. */
export function dpidOf(text: string, switches: Switches): string {
  for (const dpid of switches.keys()) {
    if (dpid === text || switchLabel(dpid, switches) === text) return dpid;
  }
  return text;
}

/** Return the fields of `dl_type=0x800,nw_proto=17`; a word alone, as `tcp`, is true. */
export function matchOf(text: string): Record<string, string | number | boolean> {
  const fields = listed(text).map((part): [string, string | number | boolean] => {
    const [name, ...rest] = part.split("=");
    const value = rest.join("=").trim();
    return [(name as string).trim(), rest.length === 0 ? true : numbered(value)];
  });
  return Object.fromEntries(fields);
}

export const listed = (text: string): string[] =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);

const numbered = (text: string): string | number =>
  /^(\d{1,15}|0x[\da-f]{1,12})$/i.test(text) ? Number(text) : text;

const unknownEnd = (text: string): string =>
  `${text.trim()} is neither the address of a known station nor SWITCH:PORT`;
