import assert from "node:assert/strict";
import { test } from "node:test";
import { command, curl, quoted } from "../src/actions/equivalents.ts";
import { faultsOf, problemOf, remainder } from "../src/api/problem.ts";
import { bps, shortDpid } from "../src/model/naming.ts";
import { wayIds } from "../src/model/rows.ts";
import { widthOf } from "../src/picture/elements.ts";

test("a command is quoted as a shell reads it back, and has no token in it", () => {
  assert.equal(quoted("it's"), "'it'\\''s'");
  const line = curl({ method: "POST", path: "/v1/flows", body: { a: 1 } }, "http://h:1", true);
  assert.ok(line.includes(`-d '{"a":1}'`));
  assert.ok(line.includes("$HORIZON_TOKEN"));
  assert.equal(command("migrate", "0a", "--through", "1,2"), "horizonctl migrate 0a --through 1,2");
});

test("a problem's reasons stand beside their fields, the others apart", () => {
  const errors = [
    { loc: ["match", "nw_dst"], msg: "is no network" },
    { loc: ["priority"], msg: "is too high" },
  ];
  const problem = problemOf(422, { title: "Invalid input", detail: "x", errors });
  assert.deepEqual(faultsOf(problem, "match"), ["nw_dst: is no network"]);
  assert.deepEqual(remainder(problem, "match"), ["priority: is too high"]);
  assert.equal(problemOf(502, "<html>").message, "The controller answers 502");
});

test("rates and dpids are short", () => {
  assert.deepEqual(
    [bps(0), bps(12_345_678), bps(1e9), bps(null)],
    ["0 b/s", "12.3 Mb/s", "1 Gb/s", "–"],
  );
  assert.deepEqual([shortDpid("0000000000000000"), shortDpid("00000000000000a1")], ["0", "a1"]);
});

test("a wider line carries more, within bounds", () => {
  const widths = [0, 1e5, 1e6, 1e8, 1e12].map(widthOf);
  assert.deepEqual(
    [...widths].sort((x, y) => x - y),
    widths,
  );
  assert.equal(widths.at(-1), 9);
});

test("a way has its switches and the cables between them", () => {
  const hops = [
    { dpid: "02", in_port: 3, out_port: 1 },
    { dpid: "01", in_port: 1, out_port: 2 },
  ];
  assert.deepEqual([...wayIds(hops)], ["02", "01", "01:1=02:1"]);
});
