import assert from "node:assert/strict";
import { test } from "node:test";
import { ruleText, sliceBody, sliceWords } from "../src/actions/slice_request.ts";
import { reached } from "../src/model/flowspace.ts";
import { fromSnapshot } from "../src/model/network.ts";

const A = "0000000000000001";
const B = "0000000000000002";
const C = "0000000000000003";
const named = (dpid: string, name: string | null = null) => ({
  ...{ dpid, name, address: "", openflow: "1.3", connected: true },
  ports: [],
});
const both = (src: [string, number], dst: [string, number]) => {
  const ends = [src, dst].map(([dpid, port_no]) => ({ dpid, port_no }));
  const [one, other] = ends as [
    { dpid: string; port_no: number },
    { dpid: string; port_no: number },
  ];
  const plain = { bidirectional: true, in_tree: true };
  return [
    { src: one, dst: other, ...plain },
    { src: other, dst: one, ...plain },
  ];
};
const station = { mac: "02:00:00:00:00:01", ips: [], dpid: A, port_no: 3 };
const network = fromSnapshot({
  switches: [named(A, "core"), named(B), named(C)],
  links: [...both([A, 1], [B, 1]), ...both([B, 2], [C, 2])],
  hosts: [station],
});
const AB = `${A}:1=${B}:1`;
const BC = `${B}:2=${C}:2`;

test("a slice is what its fields say, a rule a line", () => {
  const drawn = {
    name: " blue ",
    controllers: "tcp:127.0.0.1:7001, tls:a.example:6653",
    rules: "ports=1,3 dl_vlan=10-20\n\ndpids=core,2 priority=7",
  };
  assert.deepEqual(sliceBody(drawn, network.switches), {
    name: "blue",
    controllers: [{ url: "tcp:127.0.0.1:7001" }, { url: "tls:a.example:6653" }],
    flowspace: [
      { ports: ["1", "3"], match: { dl_vlan: "10-20" } },
      { dpids: [A, B], priority: "7" },
    ],
  });
  assert.deepEqual(sliceWords(drawn).slice(0, 5), [
    "slices",
    "create",
    "blue",
    "-c",
    "tcp:127.0.0.1:7001",
  ]);
});

test("a rule reaches its switches, and the cables and stations at its ports", () => {
  const all = reached([{ dpids: "all", match: {} }], network);
  assert.deepEqual(
    [...all].sort(),
    [A, B, C, AB, BC, "host:02:00:00:00:00:01", "host:02:00:00:00:00:01>"].sort(),
  );
  const some = reached([{ dpids: "all", match: { in_port: [1, "3-4"] } }], network);
  assert.ok(some.has(AB) && some.has("host:02:00:00:00:00:01") && !some.has(BC));
  const one = reached([{ dpids: [A] }], network);
  assert.deepEqual([...one], [A, "host:02:00:00:00:00:01", "host:02:00:00:00:00:01>"]);
});

test("a rule that is told stands in one line", () => {
  const rule = {
    id: 1,
    dpids: "all" as const,
    match: { in_port: [1, "3-4"] },
    priority: 1,
    permissions: "rw",
  };
  assert.equal(ruleText(rule), "in_port=1,3-4");
  assert.equal(ruleText({ ...rule, dpids: [A], match: {} }), "everything on 1 switches");
});
