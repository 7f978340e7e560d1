/** What is selected: its facts, its rates, its entries, what happened to it, what may be done. */

import { cablesOf, portKey } from "../model/network.ts";
import type { World } from "../model/world.ts";
import { useView, useWorld } from "./context.tsx";
import { FlowPart } from "./flow_details.tsx";
import { Concerning } from "./happenings.tsx";
import { CablePart, StationPart } from "./link_details.tsx";
import { NetworkPart } from "./network_details.tsx";
import { Overview } from "./overview.tsx";
import { SlicePart } from "./slice_details.tsx";
import { SwitchPart } from "./switch_details.tsx";
import { XenPart } from "./xen_details.tsx";

export function Details() {
  const world = useWorld();
  const { selected } = useView();
  if (selected === null) return <Overview world={world} />;
  const part = partOf(world, selected);
  return (
    <div>
      {part ?? <p class="note">It is not there any more.</p>}
      <Concerning world={world} words={wordsOf(world, selected)} />
    </div>
  );
}

function partOf(world: World, selected: string) {
  const { network } = world;
  const sw = network.switches.get(selected);
  if (sw !== undefined) return <SwitchPart key={selected} one={sw} />;
  const cable = selected.includes("=") ? cablesOf(network).get(selected) : undefined;
  if (cable !== undefined) return <CablePart key={selected} one={cable} world={world} />;
  const station = network.stations.get(selected);
  if (station !== undefined) return <StationPart key={selected} one={station} world={world} />;
  return namedPart(world, selected);
}

/** Return the part of what is no node of the network: its kind, a colon, its name. */
function namedPart(world: World, selected: string) {
  const colon = selected.indexOf(":");
  const [kind, name] = [selected.slice(0, colon), selected.slice(colon + 1)];
  if (kind === "xen") return <XenPart key={selected} id={selected} world={world} />;
  const flow = kind === "flow" ? world.flows.known.get(name) : undefined;
  if (flow !== undefined) return <FlowPart key={selected} one={flow} world={world} />;
  const slice = kind === "slice" ? world.slices.known.get(name) : undefined;
  if (slice !== undefined) return <SlicePart key={selected} one={slice} />;
  const network = kind === "network" ? world.networks.known.get(name) : undefined;
  if (network !== undefined) return <NetworkPart key={selected} one={network} />;
  return null;
}

/** Return the words by which events tell of an object. */
function wordsOf(world: World, selected: string): string[] {
  const cable = selected.includes("=") ? cablesOf(world.network).get(selected) : undefined;
  if (cable !== undefined) return [portKey(cable.a), portKey(cable.b)];
  const station = world.network.stations.get(selected);
  if (station !== undefined) return [station.mac];
  const last = selected.startsWith("xen:") ? selected.split(":").at(-1) : undefined;
  return [selected, selected.replace(/^(flow|slice|network|host):/, ""), ...(last ? [last] : [])];
}
