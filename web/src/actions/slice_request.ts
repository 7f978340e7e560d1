/** The request for a slice, from what somebody wrote: rules as horizonctl takes them. Pure. */

import type { SliceRule, Switch } from "../api/types.ts";
import { dpidOf } from "./flow_request.ts";

export interface DrawnSlice {
  name: string;
  controllers: string;
  /** One rule a line: `ports=1,3 dl_vlan=10-20 dpids=s1,s2`. */
  rules: string;
}

type Value = string | string[];
export type RuleBody = Record<string, Value | Record<string, Value>>;

export interface SliceBody {
  name: string;
  controllers?: { url: string }[];
  flowspace: RuleBody[];
}

const LISTS = ["dpids", "ports", "queues"];
const OF_THE_RULE = [...LISTS, "priority", "permissions", "force_queue", "within"];
type Switches = ReadonlyMap<string, Pick<Switch, "name" | "dpid">>;

export const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** Return the rule of a line; what no rule has is left for the API to refuse. */
export function ruleOf(line: string, switches: Switches): RuleBody {
  const rule: RuleBody = {};
  const match: Record<string, Value> = {};
  for (const word of line.split(/\s+/)) {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    const values = equals < 0 ? [""] : word.slice(equals + 1).split(",");
    const value = values.length > 1 ? values : (values[0] ?? "");
    if (name === "dpids" && value !== "all")
      rule[name] = values.map((one) => dpidOf(one, switches));
    else if (LISTS.includes(name) && name !== "dpids") rule[name] = values;
    else if (OF_THE_RULE.includes(name)) rule[name] = value;
    else match[name] = value;
  }
  return Object.keys(match).length > 0 ? { ...rule, match } : rule;
}

export function sliceBody(drawn: DrawnSlice, switches: Switches): SliceBody {
  const urls = urlsOf(drawn);
  return {
    name: drawn.name.trim(),
    ...(urls.length > 0 ? { controllers: urls.map((url) => ({ url })) } : {}),
    flowspace: linesOf(drawn.rules).map((line) => ruleOf(line, switches)),
  };
}

const urlsOf = (drawn: DrawnSlice): string[] => drawn.controllers.split(/[\s,]+/).filter(Boolean);

/** Return the words of the same as horizonctl takes them. */
export function sliceWords(drawn: DrawnSlice): string[] {
  return [
    ...["slices", "create", drawn.name.trim()],
    ...urlsOf(drawn).flatMap((url) => ["-c", url]),
    ...linesOf(drawn.rules).flatMap((line) => ["--rule", line]),
  ];
}

/** Return a rule that the API told, in one line. */
export function ruleText(rule: SliceRule): string {
  const match = Object.entries(rule.match).map(([name, value]) => `${name}=${flat(value)}`);
  const where = rule.dpids === "all" ? "" : ` on ${rule.dpids.length} switches`;
  return `${match.join(" ") || "everything"}${where}`;
}

const flat = (value: unknown): string => (Array.isArray(value) ? value.join(",") : String(value));
