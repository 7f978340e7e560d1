/** Keeps the world as the controller has it: snapshots, then events, then snapshots again where events have a gap. */

import type { Client } from "./api/client.ts";
import { type Connect, EventStream } from "./api/events.ts";
import { Problem } from "./api/problem.ts";
import type {
  ApiEvent,
  Domain,
  Flow,
  Loads,
  Migration,
  Position,
  Slice,
  Topology,
  VirtualNetwork,
  XenHost,
  XenTopology,
} from "./api/types.ts";
import { applyEvents, EMPTY, fromSnapshot } from "./model/network.ts";
import type { Store } from "./model/store.ts";
import { MOST_EVENTS, type Part, type World } from "./model/world.ts";

const LOADS_MS = 2_500;
const UNTOLD_MS = 10_000;
const BATCH_MS = 40;
/** Events that come together are applied together. */
const SETTLE_MS = 150;

type Refresh = "topology" | "flows" | "migrations" | "slices" | "networks" | "xen" | "layout";

/** Which resources are asked for again when an event of a kind comes, by the beginning of the kind. */
const REFRESHED: [string, Refresh[]][] = [
  ["flow_", ["flows"]],
  ["flowspace_", ["slices"]],
  ["slice", ["slices"]],
  ["migration_", ["migrations", "flows"]],
  ["xen_", ["xen"]],
];

export class Live {
  private cursor: string | null = null;
  private readonly stream: EventStream;
  private waiting: ApiEvent[] = [];
  private due = new Set<Refresh>();
  private timers = new Set<string>();
  private syncing: Promise<void> | null = null;
  /** The paths that this controller serves: others are not asked for, nor logged as missing. */
  private offers: ReadonlySet<string> = new Set();

  constructor(
    private readonly client: Client,
    private readonly world: Store<World>,
    token: () => string | null,
    connect: Connect,
  ) {
    const later = (work: () => void, ms: number) => void setTimeout(work, ms);
    const listener = {
      event: (event: ApiEvent) => this.event(event),
      opened: () => void this.resync(),
      lost: () => this.lost(),
    };
    this.stream = new EventStream(listener, () => this.cursor, token, connect, later);
  }

  /** Read everything once, then follow events; returns when the first picture is known. */
  async start(): Promise<void> {
    await this.resync();
    // Whoever gives a token has the page begin anew.
    if (this.world.get().liveness.state === "locked") return;
    this.stream.start();
    setInterval(() => void this.readLoads(), LOADS_MS);
    setInterval(() => this.askUntold(), UNTOLD_MS);
  }

  /** Ask for everything again. */
  resync(): Promise<void> {
    this.syncing ??= this.readAll().finally(() => {
      this.syncing = null;
    });
    return this.syncing;
  }

  private async readAll(): Promise<void> {
    try {
      await this.readOffers();
      await this.readLayout();
      await this.readTopology();
      this.world.set({ liveness: { state: "live" } });
    } catch (error) {
      this.failed(error);
      return;
    }
    await this.readEvents();
    const rest: Refresh[] = ["flows", "migrations", "slices", "networks", "xen"];
    await Promise.all([...rest.map((one) => this.refresh(one)), this.readLoads()]);
  }

  private failed(error: unknown): void {
    if (error instanceof Problem && error.status === 401) {
      this.world.set({ liveness: { state: "locked" } });
      this.stream.stop();
    } else {
      this.lost();
    }
  }

  private lost(): void {
    const before = this.world.get().liveness;
    if (before.state === "stale" || before.state === "locked") return;
    this.world.set({ liveness: { state: "stale", since: Date.now() / 1000 } });
  }

  // ---- events

  private event(event: ApiEvent): void {
    if (event.kind === "gap") {
      this.cursor = null;
      void this.resync();
      return;
    }
    if (this.cursor !== null) this.cursor = `${this.cursor.split("-")[0]}-${event.seq}`;
    this.waiting.push(event);
    this.soon("events", BATCH_MS, () => this.apply());
  }

  private apply(): void {
    const events = this.waiting;
    this.waiting = [];
    const before = this.world.get();
    const { network, incomplete } = applyEvents(before.network, events);
    const kept = [...before.events, ...events].slice(-MOST_EVENTS);
    this.world.set({ network, events: kept, positions: moved(before.positions, events) });
    if (incomplete) this.ask("topology");
    for (const { kind } of events) {
      for (const [prefix, parts] of REFRESHED) {
        if (kind.startsWith(prefix)) for (const part of parts) this.ask(part);
      }
    }
  }

  /** Have a resource asked for again, once for all events that come close together. */
  ask(part: Refresh): void {
    this.due.add(part);
    this.soon("refresh", SETTLE_MS, () => {
      const due = [...this.due];
      this.due.clear();
      for (const one of due) void this.refresh(one);
    });
  }

  /** No events tell of virtual networks, nor of the slices of a slicer in another process. */
  private askUntold(): void {
    if (this.world.get().liveness.state !== "live") return;
    if (this.offers.has("/v1/slices")) this.ask("slices");
    if (this.offers.has("/v1/networks")) this.ask("networks");
  }

  /** Return the paths of the timers that this controller has. */
  timerPaths(): string[] {
    return [...this.offers].filter((path) => path.endsWith("/timers")).sort();
  }

  private soon(name: string, milliseconds: number, work: () => void): void {
    if (this.timers.has(name)) return;
    this.timers.add(name);
    setTimeout(() => {
      this.timers.delete(name);
      work();
    }, milliseconds);
  }

  // ---- resources

  private async refresh(part: Refresh): Promise<void> {
    const read: Record<Refresh, () => Promise<void>> = {
      topology: () => this.readTopology(),
      layout: () => this.readLayout(),
      flows: async () => this.world.set({ flows: await this.flows() }),
      migrations: () => this.readMigrations(),
      slices: async () => this.world.set({ slices: await this.slices() }),
      networks: async () => this.world.set({ networks: await this.networks() }),
      xen: () => this.readXen(),
    };
    await read[part]().catch((error: unknown) => this.failed(error));
  }

  private async readOffers(): Promise<void> {
    const { body, cursor } = await this.client.get<{ links: Record<string, string> }>("/v1");
    if (cursor !== null) this.cursor = cursor;
    this.offers = new Set(Object.values(body.links));
  }

  private async readTopology(): Promise<void> {
    if (!this.offers.has("/v1/topology")) {
      // A controller of Xen hosts alone has no switches.
      const noSwitches = "This controller has no Discovery.";
      this.world.set({ network: EMPTY, noSwitches, loaded: true });
      return;
    }
    const { body, cursor } = await this.client.get<Topology>("/v1/topology");
    if (cursor !== null) this.cursor = cursor;
    this.world.set({ network: fromSnapshot(body), noSwitches: null, loaded: true });
  }

  /** Read what happened before the page was there: whoever selects something wants to know. */
  private async readEvents(): Promise<void> {
    const path = `/v1/events/recent?limit=${MOST_EVENTS}`;
    const before = await this.offered<ApiEvent[]>("/v1/events/recent", [], "events", async () => {
      return (await this.client.get<{ events: ApiEvent[] }>(path)).body.events;
    }).catch(() => null);
    if (before === null) return;
    // By time, for numbers begin anew with the controller.
    const newest = before.known.at(-1)?.at ?? 0;
    const since = this.world.get().events.filter((one) => one.at > newest);
    this.world.set({ events: [...before.known, ...since].slice(-MOST_EVENTS) });
  }

  private async readLayout(): Promise<void> {
    const found = await this.offered<Record<string, Position>>(
      "/v1/layout",
      {},
      "the layout",
      async () => {
        const answer = await this.client.get<{ positions: Record<string, Position> }>("/v1/layout");
        return answer.body.positions;
      },
    );
    if (found.absent === null) this.world.set({ positions: new Map(Object.entries(found.known)) });
  }

  private flows(): Promise<World["flows"]> {
    return this.offered("/v1/flows", new Map(), "the Flow Manager", async () => {
      const { body } = await this.client.get<{ flows: Flow[] }>("/v1/flows");
      return new Map(body.flows.map((one) => [one.id, one]));
    });
  }

  private async readMigrations(): Promise<void> {
    const found = await this.offered<Migration[]>("/v1/migrations", [], "migrations", async () => {
      return (await this.client.get<{ migrations: Migration[] }>("/v1/migrations")).body.migrations;
    });
    this.world.set({ migrations: new Map(found.known.map((one) => [one.id, one])) });
  }

  private slices(): Promise<World["slices"]> {
    return this.offered("/v1/slices", new Map(), "a slicer (slicer_url in [rest])", async () => {
      const { body } = await this.client.get<{ slices: Slice[] }>("/v1/slices");
      return new Map(body.slices.map((one) => [one.name, one]));
    });
  }

  private networks(): Promise<World["networks"]> {
    return this.offered("/v1/networks", new Map(), "virtual networks", async () => {
      const { body } = await this.client.get<{ networks: VirtualNetwork[] }>("/v1/networks");
      return new Map(body.networks.map((one) => [one.name, one]));
    });
  }

  private async readXen(): Promise<void> {
    const xenHosts = await this.offered<Map<string, XenHost>>(
      "/v1/xen/hosts",
      new Map(),
      "Xen hosts",
      async () => {
        const { body } = await this.client.get<{ hosts: XenHost[] }>("/v1/xen/hosts");
        return new Map(body.hosts.map((one) => [one.name, one]));
      },
    );
    const hosts = [...xenHosts.known.values()];
    const domains = await Promise.all(hosts.map((one) => this.domainsOf(one)));
    this.world.set({ xenHosts, domains: new Map(domains) });
    if (hosts.length === 0) return;
    const graph = await this.part<XenTopology | null>(null, async () => {
      return (await this.client.get<XenTopology>("/v1/xen/topology")).body;
    });
    this.world.set({ xenTopology: graph.known });
  }

  private async domainsOf(host: XenHost): Promise<[string, readonly Domain[]]> {
    const before = this.world.get().domains.get(host.name) ?? [];
    if (host.state !== "connected") return [host.name, before];
    const path = `/v1/xen/hosts/${encodeURIComponent(host.name)}/domains`;
    const found = await this.part<readonly Domain[]>(before, async () => {
      return (await this.client.get<{ domains: Domain[] }>(path)).body.domains;
    });
    return [host.name, found.known.filter((one) => one.id !== 0)];
  }

  private async readLoads(): Promise<void> {
    if (!this.offers.has("/v1/stats/loads")) return;
    try {
      const { body } = await this.client.get<Loads>("/v1/stats/loads");
      this.world.set({ loads: body });
    } catch (error) {
      if (error instanceof Problem && error.status === 0) this.lost();
    }
  }

  private async offered<T>(
    path: string,
    nothing: T,
    what: string,
    read: () => Promise<T>,
  ): Promise<Part<T>> {
    if (this.offers.has(path)) return this.part(nothing, read);
    const named = what.replace(/^(a|the) /, "");
    return { known: nothing, absent: `This controller has no ${named}.` };
  }

  /** Return what `read` finds; where it is refused, say why instead of failing. */
  private async part<T>(nothing: T, read: () => Promise<T>): Promise<Part<T>> {
    try {
      return { known: await read(), absent: null };
    } catch (error) {
      if (!(error instanceof Problem) || error.status === 0 || error.status === 401) throw error;
      return { known: nothing, absent: error.message };
    }
  }
}

/** Return the positions after the events that tell of some. */
function moved(
  positions: ReadonlyMap<string, Position>,
  events: readonly ApiEvent[],
): ReadonlyMap<string, Position> {
  const told = events.filter((event) => event.kind === "position_change");
  if (told.length === 0) return positions;
  const after = new Map(positions);
  for (const { data } of told) {
    if (data.cleared === true) after.clear();
    const changed = (data.positions ?? {}) as Record<string, Position | null>;
    for (const [node, position] of Object.entries(changed)) {
      if (position === null) after.delete(node);
      else after.set(node, position);
    }
  }
  return after;
}
