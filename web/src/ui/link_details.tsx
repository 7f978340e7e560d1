/** What is at the ends of a switch's ports: a link, a station. */

import type { PortRef, Station } from "../api/types.ts";
import { bps, portLabel, stationLabel, switchLabel } from "../model/naming.ts";
import type { Cable } from "../model/network.ts";
import type { World } from "../model/world.ts";
import { Facts } from "./parts.tsx";
import { RateGraph } from "./rate_graph.tsx";

export function CablePart({ one, world }: { one: Cable; world: World }) {
  const label = (end: PortRef) => portLabel(end, world.network.switches);
  const load = (end: PortRef) =>
    world.loads?.ports.find((each) => each.dpid === end.dpid && each.port_no === end.port_no);
  return (
    <>
      <h2>
        Link {label(one.a)} – {label(one.b)}
      </h2>
      <Facts
        facts={[
          [
            "Role",
            one.inTree
              ? "in the spanning tree"
              : one.inTree === false
                ? "spare: closed to broadcasts"
                : "–",
          ],
          [`${label(one.a)} sends`, bps(load(one.a)?.tx_bps)],
          [`${label(one.b)} sends`, bps(load(one.b)?.tx_bps)],
        ]}
      />
      <RateGraph key={one.id} port={one.a} />
    </>
  );
}

export function StationPart({ one, world }: { one: Station; world: World }) {
  return (
    <>
      <h2>Station {stationLabel(one)}</h2>
      <Facts
        facts={[
          ["MAC", one.mac],
          ["Addresses", one.ips.join(", ") || "–"],
          ["At", `${switchLabel(one.dpid, world.network.switches)}, port ${one.port_no}`],
        ]}
      />
      <RateGraph port={one} />
    </>
  );
}
