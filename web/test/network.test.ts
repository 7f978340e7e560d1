import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiEvent, Topology } from "../src/api/types.ts";
import {
  applyEvents,
  cableKey,
  cablesOf,
  EMPTY,
  fromSnapshot,
  linkKey,
} from "../src/model/network.ts";

const a = { dpid: "0000000000000001", port_no: 1 };
const b = { dpid: "0000000000000002", port_no: 1 };
const sw = (dpid: string) => ({ dpid, address: "", openflow: "1.3", connected: true, ports: [] });
const SNAPSHOT: Topology = {
  switches: [sw(a.dpid), sw(b.dpid)],
  links: [
    { src: a, dst: b, bidirectional: true, in_tree: false },
    { src: b, dst: a, bidirectional: true, in_tree: false },
  ],
  hosts: [],
};
const event = (kind: string, data: object): ApiEvent => ({
  seq: 1,
  at: 0,
  kind,
  data: data as never,
});

test("a cable is one, whichever direction is asked", () => {
  assert.equal(cableKey({ src: a, dst: b }), cableKey({ src: b, dst: a }));
  assert.equal(cablesOf(fromSnapshot(SNAPSHOT)).size, 1);
});

test("a tree change marks both directions of the cables that it names", () => {
  const told = event("tree_change", { added: [{ src: b, dst: a }], removed: [] });
  const { network, incomplete } = applyEvents(fromSnapshot(SNAPSHOT), [told]);
  assert.equal(incomplete, false);
  assert.deepEqual(
    [...network.links.values()].map((one) => one.in_tree),
    [true, true],
  );
});

test("a tree change that leaves some out asks for a snapshot", () => {
  const told = event("tree_change", { added: [], removed: [], left_out: 3 });
  assert.equal(applyEvents(fromSnapshot(SNAPSHOT), [told]).incomplete, true);
});

test("a switch takes its links along, and an event applied twice does no harm", () => {
  const leave = event("switch_leave", sw(b.dpid));
  const { network } = applyEvents(fromSnapshot(SNAPSHOT), [leave, leave]);
  assert.deepEqual([...network.switches.keys()], [a.dpid]);
  assert.equal(network.links.size, 0);
});

test("of a deleted link the other direction stays, one way", () => {
  const gone = event("link_delete", { src: a, dst: b });
  const { network } = applyEvents(fromSnapshot(SNAPSHOT), [gone]);
  assert.equal(network.links.get(linkKey({ src: b, dst: a }))?.bidirectional, false);
});

test("what concerns no network leaves the same object", () => {
  assert.equal(applyEvents(EMPTY, [event("flow_add", {})]).network, EMPTY);
});
