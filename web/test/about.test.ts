import assert from "node:assert/strict";
import { test } from "node:test";
import { aboutText } from "../src/model/about.ts";

const SWITCHES = new Map([
  ["01", { name: "core" }],
  ["02", { name: null }],
]) as never;
const END = { dpid: "01", port_no: 3 };

function about(kind: string, data: Record<string, unknown>): string {
  return aboutText({ seq: 1, at: 0, kind, data }, SWITCHES);
}

test("an event says which link, port, station or switch it is about", () => {
  assert.equal(about("link_add", { src: END, dst: { dpid: "02", port_no: 1 } }), "core:3 – 2:1");
  assert.equal(about("port_modify", { ...END, up: false }), "core:3");
  const station = { ...END, mac: "02:00:00:00:00:01", ips: ["10.0.0.1"] };
  assert.equal(about("host_add", station), "10.0.0.1 at core:3");
  assert.equal(about("switch_join", { dpid: "01", ports: [] }), "core");
});

test("an event says which flow, domain or router it is about, and what became of it", () => {
  assert.equal(about("flow_add", { id: "5f3a9c01", state: "active" }), "5f3a9c01");
  assert.equal(about("migration_done", { id: "a", flow: "5f3a9c01" }), "flow 5f3a9c01");
  assert.equal(
    about("xen_domain", { host: "one", name: "r1", change: "started" }),
    "r1 on one started",
  );
  assert.equal(about("xen_host", { name: "one", state: "away", reason: "" }), "one away");
  const moved = { kind: "router", host: "one", domain: "r1", destination: "two" };
  assert.equal(about("migration_begun", moved), "r1, one → two");
  const step = { ...moved, step: "bind", state: "done" };
  assert.equal(about("migration_step", step), "r1, one → two: bind done");
  assert.equal(about("slice_created", { name: "blue" }), "blue");
});

test("a change of the tree is counted, and what names nothing is not guessed at", () => {
  const cable = { src: END, dst: END };
  assert.equal(about("tree_change", { roots: [], added: [cable], removed: [] }), "+1 link");
  assert.equal(
    about("tree_change", { roots: [], added: [cable], removed: [cable, cable] }),
    "+1 link, −2 links",
  );
  assert.equal(about("tree_change", { roots: [], added: [], removed: [] }), "no link changed");
  assert.equal(about("position_change", { positions: { "01": null }, left_out: 0 }), "1 object");
  assert.equal(about("gap", {}), "");
});
