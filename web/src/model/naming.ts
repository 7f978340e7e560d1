/** What objects are called on the page, and how numbers are written. Pure. */

import type { Flow, Match, PortRef, Station, Switch } from "../api/types.ts";

/** Return a dpid without the zeros in front. */
export function shortDpid(dpid: string): string {
  return dpid.replace(/^0+(?=.)/, "");
}

/** Return what a switch is called: its name, or its dpid without zeros in front. */
export function switchLabel(
  dpid: string,
  switches?: ReadonlyMap<string, Pick<Switch, "name">>,
): string {
  return switches?.get(dpid)?.name ?? shortDpid(dpid);
}

/** Return what a port is called: its switch, and its number. */
export function portLabel(
  end: PortRef,
  switches: ReadonlyMap<string, Pick<Switch, "name">>,
): string {
  return `${switchLabel(end.dpid, switches)}:${end.port_no}`;
}

/** Return what a station is called: its first address, or its MAC. */
export function stationLabel(station: Station): string {
  const ip = station.ips.find((one) => one.includes(".")) ?? station.ips[0];
  return ip ?? station.mac;
}

/** Return a match in one line, as `horizonctl` writes it: `dl_type=0x0800,nw_dst=10.0.0.2`. */
export function matchText(match: Match): string {
  const parts = Object.entries(match).map(([name, value]) => `${name}=${matched(name, value)}`);
  return parts.length ? parts.join(",") : "everything";
}

function matched(name: string, value: unknown): string {
  const isType = name === "dl_type" && typeof value === "number";
  return isType ? `0x${value.toString(16).padStart(4, "0")}` : String(value);
}

/** Return a number with what it counts: `1 flow`, `2 flows`. */
export function counted(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`;
}

export function flowLabel(flow: Flow): string {
  return flow.id.replace(/^0+(?=.)/, "#");
}

const STEPS: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Return a rate in words, three digits at most: `12.3 Mb/s`. */
export function bps(value: number | null | undefined): string {
  if (value == null) return "–";
  return `${scaled(value)}b/s`;
}

/** Return a number with a prefix: `1.25 M`, and a blank where it has none. */
export function scaled(value: number): string {
  for (const [size, prefix] of STEPS) {
    if (value >= size) return `${digits(value / size)} ${prefix}`;
  }
  return `${digits(value)} `;
}

function digits(value: number): string {
  if (value >= 100 || value === 0) return value.toFixed(0);
  return value >= 10 ? trimmed(value.toFixed(1)) : trimmed(value.toFixed(2));
}

function trimmed(text: string): string {
  return text.replace(/\.?0+$/, "");
}

/** Return an amount of kilobytes (1024 bytes) in words. */
export function memory(kb: number | null | undefined): string {
  if (kb == null) return "–";
  return kb >= 1024 * 1024 ? `${digits(kb / 1024 / 1024)} GiB` : `${digits(kb / 1024)} MiB`;
}

export function percent(value: number | null | undefined): string {
  return value == null ? "–" : `${digits(value)} %`;
}

/** Return the time of day of `at` (seconds since 1970), in the browser's zone. */
export function timeOfDay(at: number): string {
  const date = new Date(at * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Return an event's kind as words. */
export function kindText(kind: string): string {
  return kind.replaceAll("_", " ");
}
