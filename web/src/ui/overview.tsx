/** The network in a few numbers, while nothing is selected. */

import { cablesOf } from "../model/network.ts";
import type { World } from "../model/world.ts";
import { Events } from "./happenings.tsx";
import { Facts } from "./parts.tsx";

const NO_XEN_HOSTS = "None is registered (horizonctl xen add).";

export function Overview({ world }: { world: World }) {
  const { network } = world;
  const broken = [...world.flows.known.values()].filter((one) => one.state !== "active");
  return (
    <div>
      <h2>Network</h2>
      <Facts
        facts={[
          ["Switches", world.noSwitches ?? network.switches.size],
          ["Links", world.noSwitches === null ? cablesOf(network).size : "–"],
          ["Stations", world.noSwitches === null ? network.stations.size : "–"],
          [
            "Flows",
            world.flows.absent ??
              (broken.length
                ? `${world.flows.known.size}, ${broken.length} not active`
                : world.flows.known.size),
          ],
          ["Xen hosts", world.xenHosts.absent ?? (world.xenHosts.known.size || NO_XEN_HOSTS)],
          ["Slices", world.slices.absent ?? world.slices.known.size],
        ]}
      />
      <p class="note">Select something in the picture or the table. Press ? for the keys.</p>
      <Events events={world.events.slice(-40)} world={world} />
    </div>
  );
}
