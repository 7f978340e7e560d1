import assert from "node:assert/strict";
import { test } from "node:test";
import { bestMode, canMove, givingUp, newestMove } from "../src/actions/router_move.ts";
import type { RouterMigration, XenHost } from "../src/api/types.ts";
import { concerns } from "../src/model/world.ts";

test("a router is moved with its planes separated where they are", () => {
  const planes = [
    { router: "r1", state: "separated" },
    { router: "r2", state: "synchronizing" },
  ];
  const modes = ["r1", "r2", "r3"].map((router) => bestMode(planes, router));
  assert.deepEqual(modes, ["plane-separation", "standard", "standard"]);
});

test("a host moves domains if it is there and says so", () => {
  const host = (state: string, ...capabilities: string[]) => ({ state, capabilities }) as XenHost;
  assert.ok(canMove(host("connected", "migration")));
  assert.ok(canMove(host("connected", "migration_within_machine")));
  assert.ok(!canMove(host("connected", "cap")));
  assert.ok(!canMove(host("away", "migration")));
});

test("the newest migration of a router is the one that began last", () => {
  const known = [
    { kind: "router", domain: "r1", started: 1 },
    { kind: "router", domain: "r1", started: 3 },
    { kind: "router", domain: "r2", started: 4 },
    { kind: "flow", started: 5 },
  ];
  assert.equal(newestMove(known, "r1")?.started, 3);
  assert.equal(newestMove(known, "r9"), undefined);
});

test("a migration that cannot end is ended by a command or a request of its own", () => {
  const { request, command } = givingUp({ id: "5f3a9c017b2e" } as RouterMigration);
  assert.equal(command, "horizonctl xen give-up 5f3a9c017b2e");
  assert.deepEqual(request, {
    method: "POST",
    path: "/v1/migrations/5f3a9c017b2e/give-up",
    body: {},
  });
});

test("events concern ports by their switch and number", () => {
  const src = { dpid: "01", port_no: 2 };
  const event = { seq: 1, at: 0, kind: "link_add", data: { src, dst: { dpid: "02", port_no: 1 } } };
  assert.ok(concerns(event, ["01:2"]));
  assert.ok(concerns(event, ["02"]));
  assert.ok(!concerns(event, ["01:1"]));
});
