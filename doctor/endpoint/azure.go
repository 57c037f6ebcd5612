package endpoint

import "github.com/fairlead/fairlead/doctor/probe/wire"

// hosts are what differs between the clouds.
type hosts struct {
	manager, dataPlane, signIn, signInRegion, signInOld string
	registry, registryData                              string
	identity, identityRegion                            string
	notice, noticeRegion, tokens, relay, graph, obo     string
}

// endpoints is one table for all clouds, so that they cannot drift apart.
func endpoints(h hosts) []Endpoint {
	const helm, csp = "k8connecthelm.azureedge.net", "k8sconnectcsp.azureedge.net"
	all := []Endpoint{
		{"resource-manager", h.manager, wire.HTTP, Always, []Place{Client, Pod}},
		{DataPlane, h.dataPlane, wire.HTTP, Always, []Place{Client, Pod}},
		{"sign-in", h.signIn, wire.HTTP, Always, []Place{Client, Pod}},
		{"sign-in-region", h.signInRegion, wire.HTTP, Arc, []Place{Client, Pod}},
		{"sign-in-old", h.signInOld, wire.HTTP, Arc, []Place{Client, Pod}},
		{Registry, h.registry, wire.HTTP, Always, []Place{Client, Node, Pod}},
		{"registry-data", h.registryData, wire.HTTP, Always, []Place{Client, Node, Pod}},
		{"identity", h.identity, wire.HTTP, Arc, []Place{Pod}},
		{"identity-region", h.identityRegion, wire.HTTP, Arc, []Place{Pod}},
		{"helm", helm, wire.HTTP, Arc, []Place{Client}},
		{"notification", h.notice, wire.HTTP, Connect, []Place{Pod}},
		{"notification-region", h.noticeRegion, wire.HTTP, Connect, []Place{Pod}},
		{"tokens", h.tokens, wire.HTTP, Connect, []Place{Pod}},
		{"csp", csp, wire.HTTP, Connect, []Place{Pod}},
		{Relay, h.relay, wire.WebSocket, Connect, []Place{Pod}},
		{"graph", h.graph, wire.HTTP, RBAC, []Place{Pod}},
		{OBO, h.obo, wire.HTTP, Connect, []Place{Pod}},
	}
	for i := range all {
		all[i].URL = "https://" + all[i].URL + "/"
	}
	return all
}

func public() hosts {
	return hosts{ //nolint:gosec // hosts that issue tokens, not tokens
		manager: "management.azure.com", dataPlane: "{region}.dp.kubernetesconfiguration.azure.com",
		signIn: "login.microsoftonline.com", signInRegion: "{region}.login.microsoft.com", signInOld: "login.windows.net",
		registry: "mcr.microsoft.com", registryData: "*.data.mcr.microsoft.com",
		identity: "gbl.his.arc.azure.com", identityRegion: "*.his.arc.azure.com",
		notice: "guestnotificationservice.azure.com", noticeRegion: "*.guestnotificationservice.azure.com", tokens: "sts.windows.net",
		relay: "*.servicebus.windows.net", graph: "graph.microsoft.com", obo: "{region}.obo.arc.azure.com:8084",
	}
}

func government() hosts {
	return hosts{ //nolint:gosec // hosts that issue tokens, not tokens
		manager: "management.usgovcloudapi.net", dataPlane: "{region}.dp.kubernetesconfiguration.azure.us",
		signIn: "login.microsoftonline.us", signInRegion: "{region}.login.microsoftonline.us", signInOld: "login.microsoftonline.us",
		registry: "mcr.microsoft.com", registryData: "*.data.mcr.microsoft.com",
		identity: "gbl.his.arc.azure.us", identityRegion: "usgv.his.arc.azure.us",
		notice: "guestnotificationservice.azure.us", noticeRegion: "*.guestnotificationservice.azure.us", tokens: "sts.windows.net",
		relay: "*.servicebus.usgovcloudapi.net", graph: "graph.microsoft.us", obo: "{region}.obo.arc.azure.us:8084",
	}
}

func china() hosts {
	return hosts{ //nolint:gosec // hosts that issue tokens, not tokens
		manager: "management.chinacloudapi.cn", dataPlane: "{region}.dp.kubernetesconfiguration.azure.cn",
		signIn: "login.chinacloudapi.cn", signInRegion: "{region}.login.chinacloudapi.cn", signInOld: "login.partner.microsoftonline.cn",
		registry: "mcr.azk8s.cn", registryData: "mcr.azk8s.cn",
		identity: "gbl.his.arc.azure.cn", identityRegion: "*.his.arc.azure.cn",
		notice: "guestnotificationservice.azure.cn", noticeRegion: "*.guestnotificationservice.azure.cn", tokens: "sts.chinacloudapi.cn",
		relay: "*.servicebus.chinacloudapi.cn", graph: "graph.chinacloudapi.cn", obo: "{region}.obo.arc.azure.cn:8084",
	}
}
