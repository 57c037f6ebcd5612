package check

import (
	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Names in namespace azure-arc that Fairlead itself has no use for.
const (
	arcSpace       = fairlead.AgentNamespace
	arcProxy       = "kube-aad-proxy"
	arcConnect     = "clusterconnect-agent"
	arcExtensions  = "extension-manager"
	arcProxySecret = "kube-aad-proxy-certificate" //nolint:gosec // the name of a Secret, not a secret
)

// arc returns the checks of the platform's agents, what others build on first.
func arc() []doctor.Check {
	return []doctor.Check{
		arcMissingRelease(), arcBrokenRelease(), arcMissingAgent(), arcUnreadyAgent(), arcCrashingAgent(), arcNoRoom(), arcUnpulled(),
		arcMissingIdentity(), arcUnobtained(), arcExpiry(), arcProxyRefused(), arcProxyCertificate(), arcOpenShift(), arcConnectOff(),
		arcSlowImages(), arcOldAgents(), arcForeignDefinitions(),
	}
}

// arcAgent completes a check that is about agents in namespace azure-arc: it is skipped where there are none.
func arcAgent(check doctor.Check) doctor.Check {
	check.Applies = func(s *snapshot.Snapshot) string {
		if arcInstalled(s) {
			return ""
		}
		return doctor.NotInstalled
	}
	check.AppliesNeeds = []snapshot.Need{snapshot.In(arcSpace, snapshot.Deployments), arcConfigNeed()}
	return check
}

func arcConfigNeed() snapshot.Need {
	return snapshot.One(arcSpace, snapshot.ConfigMaps, fairlead.ClusterConfigMap)
}

// arcReleaseNeeds are what it takes to find the release and look into it.
func arcReleaseNeeds() []snapshot.Need {
	return []snapshot.Need{
		snapshot.Everywhere(snapshot.Secrets), snapshot.Everywhere(snapshot.Releases), snapshot.Everywhere(snapshot.Payloads),
	}
}

// arcWorkloadNeeds are what package workload looks at beside pods, for the words of the cluster.
func arcWorkloadNeeds() []snapshot.Need {
	return []snapshot.Need{snapshot.In(arcSpace, snapshot.ReplicaSets), snapshot.In(arcSpace, snapshot.Events)}
}
