/** The picture within the page: what it is shown, and what a click means just now. */

import { useEffect, useMemo, useRef } from "preact/hooks";
import { dpidOf, listed } from "../actions/flow_request.ts";
import type { Position } from "../api/types.ts";
import { reached } from "../model/flowspace.ts";
import { stationLabel } from "../model/naming.ts";
import { wayIds } from "../model/rows.ts";
import type { World } from "../model/world.ts";
import { elementsOf } from "../picture/elements.ts";
import { Picture } from "../picture/picture.ts";
import { type Page, usePage, useView, useWorld, type View } from "./context.tsx";

export function PictureView({ choose }: { choose(id: string | null): void }) {
  const page = usePage();
  const world = useWorld();
  const view = useView();
  const container = useRef<HTMLDivElement>(null);
  const picture = useRef<Picture | null>(null);
  const chosen = useRef(choose);
  chosen.current = choose;

  useEffect(() => {
    if (container.current === null) return;
    const made = new Picture(container.current, {
      clicked: (id) => chosen.current(id),
      dragged: (positions) => void keep(page, positions, false),
      placed: (positions) => void keep(page, positions, true),
      dropped: (router, host) =>
        page.view.set({
          selected: router,
          mode: { kind: "move", router, destination: host.slice(4) },
        }),
    });
    picture.current = made;
    // For the console, and for tests: where on the screen is what?
    Object.assign(globalThis, {
      horizon: {
        where: (id: string) => made.where(id),
        ids: () => made.ids(),
        marked: (name: string) => made.marked(name),
        overlap: (one: string, other: string) => made.overlap(one, other),
        line: (id: string) => made.line(id),
        panBy: (x: number, y: number) => made.panBy(x, y),
      },
    });
  }, [page]);

  const { network, loads, xenHosts, domains, xenTopology } = world;
  const elements = useMemo(
    () => elementsOf(world),
    [network, loads, xenHosts, domains, xenTopology],
  );
  useEffect(() => {
    if (world.loaded) picture.current?.show(elements, world.positions);
  }, [elements, world.positions, world.loaded]);
  useEffect(() => {
    picture.current?.mark({
      selected: new Set(view.selected === null ? [] : [view.selected, ...chosenBy(world, view)]),
      lit: view.overlay ?? litBy(world, view),
      planned: view.planned,
      cut: new Set(view.mode.kind === "whatif" ? view.mode.cut : []),
    });
  }, [view, world.flows, world.slices, network]);

  const arrange = () => {
    const pinned = [...world.positions].filter(([, one]) => one.pinned === true);
    void page.client
      .send("PUT", "/v1/layout", { positions: Object.fromEntries(pinned) })
      .catch(() => undefined)
      .then(() => picture.current?.arrange(new Map(pinned)));
  };
  return (
    <section class="picture" aria-label="Picture">
      <div
        ref={container}
        class="canvas"
        role="img"
        aria-label="Picture of the network; the table has the same objects"
      />
      <div class="tools">
        <button
          type="button"
          id="fit"
          onClick={() => picture.current?.fit()}
          title="Fit the picture (F)"
        >
          Fit
        </button>
        <button type="button" onClick={arrange} title="Lay out anew what nobody put there by hand">
          Arrange
        </button>
      </div>
      <p class="legend" aria-hidden="true">
        <i class="solid" /> in the tree <i class="dashed" /> spare <i class="wide" /> load
      </p>
      {!world.loaded && <p class="empty">Asking the controller…</p>}
      {world.loaded && elements.nodes.length === 0 && (
        <p class="empty">
          {world.noSwitches ??
            "No switch is connected yet. Point one at this controller’s OpenFlow port."}
        </p>
      )}
    </section>
  );
}

/** Return what an action has of the picture so far. */
function chosenBy({ network }: World, { mode }: View): string[] {
  if (mode.kind === "migrate") return mode.waypoints;
  if (mode.kind !== "draw") return [];
  const ends = [...network.stations].filter(([, one]) =>
    [mode.from, mode.to].includes(stationLabel(one)),
  );
  const through = listed(mode.through).map((one) => dpidOf(one, network.switches));
  return [...ends.map(([id]) => id), ...through];
}

/** Return what a selected flow passes, or a slice reaches; null where nothing is to be dimmed. */
function litBy(world: World, view: View): ReadonlySet<string> | null {
  const { selected } = view;
  if (selected?.startsWith("slice:")) {
    const slice = world.slices.known.get(selected.slice(6));
    return slice === undefined ? null : reached(slice.flowspace, world.network);
  }
  if (!selected?.startsWith("flow:")) return null;
  const flow = world.flows.known.get(selected.slice(5));
  return flow === undefined ? null : wayIds(flow.path);
}

/** Have the controller keep positions; of nodes placed by two pages at once the first wins. */
async function keep(
  page: Page,
  positions: Map<string, Position>,
  ifAbsent: boolean,
): Promise<void> {
  const known = new Map([...page.world.get().positions, ...positions]);
  page.world.set({ positions: known });
  try {
    const answer = await page.client.send<{ positions: Record<string, Position> }>(
      "PATCH",
      `/v1/layout${ifAbsent ? "?if_absent=1" : ""}`,
      { positions: Object.fromEntries(positions) },
    );
    if (ifAbsent && answer?.positions) {
      page.world.set({ positions: new Map([...known, ...Object.entries(answer.positions)]) });
    }
  } catch {
    // Whoever may only look has the same layout by its seed; it is kept in this page.
  }
}
