package temporalite

import (
	"net"
	"strconv"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

const clusterName = "active"

// serverConfig is the static configuration: one cluster, one store, each service
// on its own loopback port.
func serverConfig(o Options, p ports, s *store) *config.Config {
	c := &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     "main",
			VisibilityStore:  "visibility",
			NumHistoryShards: s.shards,
			DataStores:       map[string]config.DataStore{"main": {SQL: &s.main}, "visibility": {SQL: &s.visibility}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             join(reachable(o.Host), p.frontend),
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: join(reachable(o.Host), p.frontend)},
		Services: map[string]config.Service{
			string(primitives.FrontendService): {RPC: config.RPC{GRPCPort: p.frontend, BindOnIP: o.Host, HTTPPort: p.http}},
			string(primitives.HistoryService):  {RPC: config.RPC{GRPCPort: p.history, BindOnIP: loopback}},
			string(primitives.MatchingService): {RPC: config.RPC{GRPCPort: p.matching, BindOnIP: loopback}},
			string(primitives.WorkerService):   {RPC: config.RPC{GRPCPort: p.worker, BindOnIP: loopback}},
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchival{State: config.ArchivalDisabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: config.ArchivalDisabled},
		}},
	}
	c.Global.Membership.MaxJoinDuration = 30 * time.Second
	c.Global.Membership.BroadcastAddress = loopback
	return c
}

// hosts replaces gossip between the services by a fixed list.
func hosts(o Options, p ports) map[primitives.ServiceName]static.Hosts {
	return map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: static.SingleLocalHost(join(reachable(o.Host), p.frontend)),
		primitives.HistoryService:  static.SingleLocalHost(join(loopback, p.history)),
		primitives.MatchingService: static.SingleLocalHost(join(loopback, p.matching)),
		primitives.WorkerService:   static.SingleLocalHost(join(loopback, p.worker)),
	}
}

// dynamicConfig is what makes a server on one small machine behave like a
// larger installation, below the caller's own overrides.
func dynamicConfig(overrides map[string]any) dynamicconfig.StaticClient {
	settings := dynamicconfig.StaticClient{
		// Attributes and Nexus endpoints made through the API are usable by the
		// next call, not after a cache period.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
		dynamicconfig.ForceNexusEndpointRefreshOnRead.Key():         true,
		// The refresh above is a query per call and spends these first; their
		// defaults protect a shared database, which this is not.
		dynamicconfig.FrontendPersistenceMaxQPS.Key(): 10_000,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():  45_000,
		dynamicconfig.MatchingPersistenceMaxQPS.Key(): 10_000,
		dynamicconfig.WorkerPersistenceMaxQPS.Key():   10_000,
		// A worker, its poller and a load test share one namespace here.
		dynamicconfig.FrontendRPS.Key():                        20_000,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key(): 20_000,
		// One busy fairness key must not starve the others in a queue.
		dynamicconfig.MatchingEnableFairness.Key(): true,
	}
	for name, value := range overrides {
		settings[dynamicconfig.MakeKey(name)] = value
	}
	return settings
}

func join(host string, port int) string {
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// reachable is the address to dial for an address that was bound.
func reachable(host string) string {
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return loopback
	}
	return host
}
