import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../src/api/types.ts";
import { fromSnapshot } from "../src/model/network.ts";
import { emptyWorld } from "../src/model/world.ts";
import { elementsOf } from "../src/picture/elements.ts";

const A = "0000000000000001";
const B = "0000000000000002";
const cable = (port: number, in_tree: boolean): Link[] => {
  const [src, dst] = [
    { dpid: A, port_no: port },
    { dpid: B, port_no: port },
  ];
  return [
    { src, dst, bidirectional: true, in_tree },
    { src: dst, dst: src, bidirectional: true, in_tree },
  ];
};
const one = (dpid: string) => ({ dpid, address: "", openflow: "1.3", connected: true, ports: [] });
const network = fromSnapshot({
  switches: [one(A), one(B)],
  links: [...cable(1, true), ...cable(2, false)],
  hosts: [],
});

test("parallel cables are edges of their own, and load is width and number", () => {
  const [first] = cable(1, true);
  const links = first === undefined ? [] : [{ ...first, bps: 12_000_000, load_percent: 12 }];
  const loads = { at: 0, ports: [], links };
  const { edges } = elementsOf({ ...emptyWorld(), network, loads });
  assert.deepEqual(
    edges.map((edge) => [edge.id, edge.tree, edge.label]),
    [
      [`${A}:1=${B}:1`, true, "12 Mb/s"],
      [`${A}:2=${B}:2`, false, ""],
    ],
  );
  const [loaded, idle] = edges;
  assert.ok((loaded?.width ?? 0) > (idle?.width ?? 0));
});
