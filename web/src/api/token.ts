/** The bearer token: kept in this tab only, gone with it. */

const KEY = "horizon-token";

export class TokenKeeper {
  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">) {}

  get(): string | null {
    return this.storage.getItem(KEY);
  }

  /** Keep `token`; the empty one is none. */
  set(token: string): void {
    if (token === "") this.storage.removeItem(KEY);
    else this.storage.setItem(KEY, token);
  }
}
