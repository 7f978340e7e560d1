declare module "cytoscape-fcose" {
  const extension: import("cytoscape").Ext;
  export default extension;
}
/** Where the built worker is; put in by build.mjs. */
declare const LAYOUT_WORKER: string;
declare module "*.css";
