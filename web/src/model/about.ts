/** What an event tells of, in a few words: a link, a port, a station, a flow, a router. Pure. */

import type { ApiEvent, PortRef, Station, Switch } from "../api/types.ts";
import { counted, portLabel, stationLabel, switchLabel } from "./naming.ts";

type Switches = ReadonlyMap<string, Pick<Switch, "name">>;
type Data = Readonly<Record<string, unknown>>;

/** Return what an event is about, as the table calls it; empty where it names nothing. */
export function aboutText({ kind, data }: ApiEvent, switches: Switches): string {
  if (kind === "tree_change") return treeText(data);
  if (kind === "position_change")
    return counted(Object.keys((data.positions as object) ?? {}).length, "object");
  const text = kind.startsWith("migration_") ? movedText(data) : thingText(data, switches);
  const state = kind === "xen_host" ? data.state : undefined;
  const outcome = [data.change, data.operation, data.phase, state].filter(isWord);
  return [text, ...outcome].filter((one) => one !== "").join(" ");
}

function thingText(data: Data, switches: Switches): string {
  const { src, dst, dpid, port_no, mac, ips } = data;
  if (isPort(src) && isPort(dst))
    return `${portLabel(src, switches)} – ${portLabel(dst, switches)}`;
  const at = isPort(data) ? portLabel(data, switches) : "";
  if (isWord(mac) && Array.isArray(ips))
    return `${stationLabel({ mac, ips, dpid, port_no } as Station)} at ${at}`;
  if (at !== "") return at;
  if (isWord(dpid)) return switchLabel(dpid, switches);
  const name = [data.name, data.domain, data.slice, data.id].find(isWord) ?? "";
  return isWord(data.host) ? `${name} on ${data.host}` : name;
}

function movedText(data: Data): string {
  if (isWord(data.domain)) {
    const step = isWord(data.step) ? `: ${data.step} ${data.state}` : "";
    return `${data.domain}, ${data.host} → ${data.destination}${step}`;
  }
  return isWord(data.flow) ? `flow ${data.flow}` : "";
}

function treeText(data: Data): string {
  const parts = [
    ["+", data.added],
    ["−", data.removed],
  ] as const;
  const told = parts.flatMap(([sign, links]) =>
    Array.isArray(links) && links.length > 0 ? `${sign}${counted(links.length, "link")}` : [],
  );
  return told.join(", ") || "no link changed";
}

function isPort(value: unknown): value is PortRef {
  const { dpid, port_no } = (value ?? {}) as Partial<PortRef>;
  return typeof dpid === "string" && typeof port_no === "number";
}

function isWord(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
