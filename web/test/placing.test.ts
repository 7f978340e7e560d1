import assert from "node:assert/strict";
import { test } from "node:test";
import { place, seeded } from "../src/picture/placing.ts";

test("a new node is beside its neighbour, with room, and the same every time", () => {
  const known = new Map([
    ["a", { x: 0, y: 0 }],
    ["b", { x: 120, y: 0 }],
  ]);
  const wanted = [{ id: "c", near: ["a"], room: 90 }];
  const made = place(wanted, known);
  assert.deepEqual(place(wanted, known), made);
  const spot = made.get("c");
  assert.ok(spot);
  for (const other of known.values())
    assert.ok(Math.hypot(spot.x - other.x, spot.y - other.y) >= 90);
  assert.ok(Math.hypot(spot.x, spot.y) < 300);
});

test("the order in which new nodes come does not matter", () => {
  const wanted = ["c", "d", "e"].map((id) => ({ id, near: ["a"], room: 50 }));
  const known = new Map([["a", { x: 0, y: 0 }]]);
  assert.deepEqual(place(wanted, known), place([...wanted].reverse(), known));
});

test("chances are the same for the same seed", () => {
  const [one, other] = [seeded(7), seeded(7)];
  const drawn = [one(), one()];
  assert.deepEqual(drawn, [other(), other()]);
  assert.ok(drawn.every((value) => value >= 0 && value < 1));
});
