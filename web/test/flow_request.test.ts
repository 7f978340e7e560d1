import assert from "node:assert/strict";
import { test } from "node:test";
import { type Drawn, flowBody, flowWords, matchOf } from "../src/actions/flow_request.ts";
import { Problem } from "../src/api/problem.ts";

const A = "0000000000000001";
const B = "0000000000000002";
const switches = new Map([
  [A, { dpid: A, name: "core" }],
  [B, { dpid: B }],
]);
const station = { mac: "02:00:00:00:00:01", ips: ["10.0.0.1", "fe80::1"], dpid: A, port_no: 3 };
const stations = new Map([["host:02:00:00:00:00:01", station]]);
const drawn = (given: Partial<Drawn>): Drawn => ({
  from: "",
  to: "",
  through: "",
  match: "",
  priority: "",
  both: false,
  ...given,
});

test("ends are stations by any address, or a switch by name or number with a port", () => {
  const body = flowBody(drawn({ from: "FE80::1", to: "core:7" }), switches, stations);
  assert.deepEqual(body, {
    match: {},
    src: { dpid: A, port_no: 3 },
    dst: { dpid: A, port_no: 7 },
  });
});

test("what is missing is told at each field, at once", () => {
  const refused = (): unknown =>
    flowBody(drawn({ to: "nobody", priority: "high" }), switches, stations);
  assert.throws(refused, (error: unknown) => {
    assert.ok(error instanceof Problem);
    assert.deepEqual(
      error.errors.map((one) => one.loc),
      [["src"], ["dst"], ["priority"]],
    );
    return true;
  });
});

test("waypoints that are not known are left for the controller to judge", () => {
  const given = drawn({ from: "10.0.0.1", to: "2:1", through: "core, 2, x9", both: true });
  const body = flowBody(given, switches, stations);
  assert.deepEqual(body.waypoints, [A, B, "x9"]);
  assert.equal(body.dst.dpid, B);
  assert.equal(body.bidirectional, true);
});

test("a match has numbers, words, and what is neither", () => {
  assert.deepEqual(matchOf("dl_type=0x800, tcp,nw_dst=10.0.0.2/32,tp_dst=80"), {
    dl_type: 2048,
    tcp: true,
    nw_dst: "10.0.0.2/32",
    tp_dst: 80,
  });
});

test("the command has what was written and nothing else", () => {
  const given = drawn({ from: "10.0.0.1", to: "10.0.0.2", through: "core, 2", priority: "9" });
  assert.deepEqual(
    flowWords(given).filter((one) => one !== null),
    ["flows", "add", "--from", "10.0.0.1", "--to", "10.0.0.2", "--through", "core,2"].concat([
      "--priority",
      "9",
    ]),
  );
});
