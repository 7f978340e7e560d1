"""Documents that several tests of xen_bridge share."""

LISTING_2_1 = b"""
<XenPrototype>
  <NodePK>TUlJQg==</NodePK>
  <Application>
    <ApplicationId>4</ApplicationId>
    <ApplicationRequest>
      <Measures>
        <UsedGatherers>
          <ifconfigGatherer>1</ifconfigGatherer>
          <xentopGatherer>0</xentopGatherer>
          <latencyGatherer>1</latencyGatherer>
          <memGatherer>1</memGatherer>
        </UsedGatherers>
        <GathererParameters>
          <ifconfigGatherer>
            <iterations>4</iterations>
          </ifconfigGatherer>
        </GathererParameters>
      </Measures>
    </ApplicationRequest>
  </Application>
</XenPrototype>
"""
"""The report's request (listing 2.1), with a key that is base64."""
