package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func TestHealthyClustersHaveNoProblem(t *testing.T) {
	for name, s := range map[string]*snapshot.Snapshot{
		"Azure": arcAzure(), "Fairlead": arcFairlead(arcFairleadAgents()...), "FairleadEdge": arcFairlead("edge-agent"),
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range doctor.Evaluate(All(), s, nil) {
				if f.Problem() || f.Status == doctor.Unknown && (doctor.Area(f.ID) == "ARC" || doctor.Area(f.ID) == "CLI" || doctor.Area(f.ID) == "SELF") {
					t.Errorf("%s is %s: %s %v", f.ID, f.Status, f.Key, f.Args)
				}
			}
		})
	}
}

func TestNothingIsCalledHealthyThatWasNotSeen(t *testing.T) {
	for name, s := range map[string]*snapshot.Snapshot{
		"Empty":  {},
		"Denied": {Taken: arcNow(), Coverage: map[snapshot.Resource]*snapshot.Coverage{snapshot.Pods: {Served: true, Gaps: []snapshot.Gap{{Need: snapshot.Everywhere(snapshot.Pods), Reason: snapshot.Forbidden}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range doctor.Evaluate(arc(), s, nil) {
				if f.Status != doctor.Unknown {
					t.Errorf("%s is %s %s", f.ID, f.Status, f.Key)
				}
			}
		})
	}
}

// TestOneRootForOneFault has each fault with all that follows from it in a real cluster.
func TestOneRootForOneFault(t *testing.T) {
	cases := map[string]struct {
		reason string
		break_ func(*snapshot.Snapshot) //nolint:revive // break is a word of the language
		want   []string
	}{
		"IdentityDeleted": {
			"agents that cannot sign in end with an error", func(s *snapshot.Snapshot) {
				arcWithoutSecret(s, fairlead.IdentitySecret)
				arcBreak(s, "clusterconnect-agent", arcCrashes)
				arcBreak(s, "config-agent", arcCrashes)
				arcBreak(s, "metrics-agent", func(*corev1.Pod) {})
			}, []string{"ARC-04 fail notReady <- ARC-08", "ARC-05 fail crash <- ARC-08", "ARC-08 fail missing"},
		},
		"IdentityUnobtained": {
			"the log of the operator says why there is none", func(s *snapshot.Snapshot) {
				arcWithoutSecret(s, fairlead.IdentitySecret)
				s.Logs = []snapshot.Log{{
					Namespace: arcSpace, Pod: "clusteridentityoperator-5d8f-x", Container: "clusteridentityoperator",
					Text: `{"msg":"Post \"https://gbl.his.arc.azure.com/discovery\": dial tcp 10.0.0.9:443: i/o timeout"}`,
				}}
			}, []string{"ARC-08 fail missing <- ARC-09", "ARC-09 fail refused"},
		},
		"ProxyRefused": {
			"a host path is against the level of the namespace", func(s *snapshot.Snapshot) {
				arcUnmake(s, arcProxy, `pods "kube-aad-proxy-5d8f-" is forbidden: violates PodSecurity "restricted:latest": restricted volume types (volume "h" uses restricted volume type "hostPath")`)
			}, []string{"ARC-11 fail podSecurity"},
		},
		"NamespaceRestricted": {
			"after a restart all agents are refused", func(s *snapshot.Snapshot) {
				for _, name := range []string{arcProxy, "metrics-agent", "config-agent"} {
					arcUnmake(s, name, `pods "`+name+`-5d8f-" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false`)
				}
			}, []string{"ARC-11 fail podSecurity", "EXT-03 fail podSecurity <- ARC-11"},
		},
		"AllPullsFail": {
			"nothing was ever started, so there is no identity, and Helm gave up", func(s *snapshot.Snapshot) {
				for _, d := range arcDeployments(s) {
					arcBreak(s, d.Name, arcWaits("ErrImagePull", `failed to do request: Head "https://mcr.microsoft.com/v2/a/manifests/1": dial tcp 10.9.9.9:443: i/o timeout`))
				}
				arcWithoutSecret(s, fairlead.IdentitySecret)
				s.Releases[0].Status, s.Releases[0].Deployed, s.Releases[0].Description = "failed", 0, `Release "azure-arc" failed: context deadline exceeded`
			}, []string{"ARC-02 fail failed <- ARC-07", "ARC-07 fail network", "ARC-08 fail missing <- ARC-07"},
		},
		"TooManyCPUs": {
			"a pod that asks for 64 CPUs", func(s *snapshot.Snapshot) {
				arcBreak(s, "metrics-agent", arcUnschedulable("0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."))
				pod := &s.Pods[slices.IndexFunc(s.Pods, func(p corev1.Pod) bool { return strings.HasPrefix(p.Name, "metrics-agent") })]
				pod.Spec.Containers[0].Resources.Requests = corev1.ResourceList{"cpu": resource.MustParse("64")}
			}, []string{"ARC-06 fail tooLarge"},
		},
		"NoRoomForAnyAgent": {
			"all agents wait for the same node", func(s *snapshot.Snapshot) {
				for _, d := range arcDeployments(s) {
					arcBreak(s, d.Name, arcUnschedulable("0/1 nodes are available: 1 Insufficient memory."))
				}
				arcWithoutSecret(s, fairlead.IdentitySecret)
			}, []string{"ARC-06 fail full", "ARC-08 fail missing <- ARC-06", "EXT-02 fail insufficient <- ARC-06"},
		},
		"CertificateExpired": {
			"agents end because the hub refuses them", func(s *snapshot.Snapshot) {
				s.Certificates[0].NotAfter = arcNow().Add(-time.Hour)
				arcBreak(s, "config-agent", arcCrashes)
			}, []string{"ARC-05 fail crash <- ARC-10", "ARC-10 fail expired"},
		},
		"AgentCrashes": {
			"one container ends by itself", func(s *snapshot.Snapshot) { arcBreak(s, "config-agent", arcCrashes) }, []string{"ARC-05 fail crash"},
		},
		"OperatorCrashes": {
			"without the operator there is no identity, and without identity others end", func(s *snapshot.Snapshot) {
				arcWithoutSecret(s, fairlead.IdentitySecret)
				arcBreak(s, "clusteridentityoperator", arcCrashes)
				arcBreak(s, "config-agent", arcCrashes)
			}, []string{"ARC-05 fail crash", "ARC-08 fail missing <- ARC-05"},
		},
		"OperatorScaledDown": {
			"nobody asks for the identity", func(s *snapshot.Snapshot) {
				arcWithoutSecret(s, fairlead.IdentitySecret)
				d, _ := arcDeployment(s, "clusteridentityoperator")
				*d.Spec.Replicas, d.Status = 0, appsv1.DeploymentStatus{}
				s.Pods = slices.DeleteFunc(s.Pods, func(p corev1.Pod) bool { return strings.HasPrefix(p.Name, d.Name) })
			}, []string{"ARC-04 fail scaledDown", "ARC-08 fail missing <- ARC-04"},
		},
		"DeploymentDeleted": {
			"somebody deleted one", func(s *snapshot.Snapshot) { arcDelete(s, "metrics-agent") }, []string{"ARC-03 fail missing"},
		},
		"ReleasePending": {
			"Helm was killed", func(s *snapshot.Snapshot) {
				s.Releases[0].Status, s.Releases[0].Updated = "pending-upgrade", arcNow().Add(-time.Hour)
			}, []string{"ARC-02 fail pending <- HLM-08", "HLM-08 fail stuck"},
		},
		"ReleaseUnderway": {
			"Helm is at work", func(s *snapshot.Snapshot) {
				s.Releases[0].Status, s.Releases[0].Deployed, s.Releases[0].Updated = "pending-install", 0, arcNow().Add(-time.Minute)
				arcWithoutSecret(s, fairlead.IdentitySecret)
				arcDelete(s, "metrics-agent")
			}, nil,
		},
		"ReleaseSecretsDeleted": {
			"an orphaned installation", func(s *snapshot.Snapshot) { s.Releases = nil }, []string{"ARC-01 fail orphaned"},
		},
		"ReleaseUninstalled": {
			"only the history is left", func(s *snapshot.Snapshot) {
				for _, d := range slices.Clone(s.Deployments) {
					arcDelete(s, d.Name)
				}
				s.Releases[0].Status, s.Releases[0].Objects, s.Releases[0].Read = "uninstalled", nil, true
				s.ConfigMaps = nil
			}, []string{"ARC-01 fail uninstalled"},
		},
		"OnboardingTooSlow": {
			"everything came up after the time-out", func(s *snapshot.Snapshot) {
				s.Releases[0].Status, s.Releases[0].Description = "failed", "context deadline exceeded"
				s.Events = []corev1.Event{{
					ObjectMeta: metav1.ObjectMeta{Namespace: arcSpace}, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: arcSpace, Name: "metrics-agent-5d8f-x"},
					Reason: "Pulled", Message: `Successfully pulled image "a" in 4.2s (7m12.5s including waiting). Image size: 12 bytes.`,
				}}
			}, []string{"ARC-02 warn failedButRuns <- ARC-15", "ARC-15 warn finishedLate"},
		},
		"ProxyCertificateMissing": {
			"the pod waits for its volume", func(s *snapshot.Snapshot) {
				arcWithoutSecret(s, arcProxySecret)
				arcBreak(s, arcProxy, arcWaits("ContainerCreating", ""))
				s.Events = []corev1.Event{{
					ObjectMeta: metav1.ObjectMeta{Namespace: arcSpace}, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: arcSpace, Name: "kube-aad-proxy-5d8f-x"},
					Type: "Warning", Reason: "FailedMount", Message: `MountVolume.SetUp failed for volume "cert" : secret "kube-aad-proxy-certificate" not found`,
				}}
			}, []string{"ARC-12 fail stuck"},
		},
		"ProxyCertificateEmpty": {
			"Fairlead's chart makes the Secret, and nobody has filled it", func(s *snapshot.Snapshot) {
				arcBreak(s, arcProxy, arcWaits("ContainerCreating", ""))
				s.Events = []corev1.Event{{
					ObjectMeta: metav1.ObjectMeta{Namespace: arcSpace}, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: arcSpace, Name: "kube-aad-proxy-5d8f-x"},
					Type: "Warning", Reason: "FailedMount", Message: `MountVolume.SetUp failed for volume "certificate" : references non-existent secret key: ca.crt`,
				}}
			}, []string{"ARC-12 fail stuck"},
		},
		"ProxyCertificateMissingWithoutEvents": {
			"events last an hour", func(s *snapshot.Snapshot) {
				arcWithoutSecret(s, arcProxySecret)
				arcBreak(s, arcProxy, arcWaits("ContainerCreating", ""))
			}, []string{"ARC-12 fail stuck"},
		},
		"ProxyCertificateMissingYetRunning": {
			"it works until the next start", func(s *snapshot.Snapshot) { arcWithoutSecret(s, arcProxySecret) }, []string{"ARC-12 warn missing"},
		},
		"ConnectDisabled": {
			"the release has a value for it", func(s *snapshot.Snapshot) {
				arcDelete(s, arcProxy)
				arcDelete(s, arcConnect)
				r := &s.Releases[0]
				r.Objects = slices.DeleteFunc(r.Objects, func(o snapshot.ReleaseObject) bool { return o.Name == arcProxy || o.Name == arcConnect })
				r.Values = map[string]any{"systemDefaultValues": map[string]any{arcConnect: map[string]any{"enabled": false}}}
			}, []string{"ARC-14 warn disabled"},
		},
		"ConnectDeleted": {
			"the release wants it", func(s *snapshot.Snapshot) {
				arcDelete(s, arcProxy)
				arcDelete(s, arcConnect)
				s.Releases[0].Values = map[string]any{"systemDefaultValues": map[string]any{arcConnect: map[string]any{"enabled": true}}}
			}, []string{"ARC-03 fail missing"},
		},
		"ConfigMapDeleted": {
			"containers cannot be made any more", func(s *snapshot.Snapshot) {
				s.ConfigMaps = nil
				arcBreak(s, "config-agent", arcWaits("CreateContainerConfigError", `configmap "azure-clusterconfig" not found`))
			}, []string{"ARC-05 fail configError"},
		},
		"OldAgents": {
			"three minor versions behind", func(s *snapshot.Snapshot) { s.Releases[0].ChartVersion = "1.26.0" }, []string{"ARC-16 warn old"},
		},
		"ForeignDefinition": {
			"the next upgrade will stumble", func(s *snapshot.Snapshot) {
				s.Definitions = []unstructured.Unstructured{{Object: map[string]any{"metadata": map[string]any{
					"name": "gitconfigs.clusterconfig.azure.com", "annotations": map[string]any{"meta.helm.sh/release-name": "other", "meta.helm.sh/release-namespace": "shop"},
				}}}}
			}, []string{"ARC-17 warn foreign"},
		},
		"StuckDefinition": {
			"a finalizer that nobody takes off", func(s *snapshot.Snapshot) {
				s.Definitions = []unstructured.Unstructured{{Object: map[string]any{"metadata": map[string]any{
					"name": "extensionconfigs.clusterconfig.azure.com", "finalizers": []any{"example.com/keep"}, "deletionTimestamp": "2026-03-01T11:00:00Z",
				}}}}
			}, []string{"ARC-17 fail stuck"},
		},
		"RolloutStuck": {
			"the old pod still works", func(s *snapshot.Snapshot) {
				pod := *s.Pods[0].DeepCopy()
				pod.Name = "cluster-metadata-operator-7777-y"
				arcWaits("ErrImagePull", "manifest unknown: not found")(&pod)
				s.Pods = append(s.Pods, pod)
			}, []string{"ARC-07 warn notFound"},
		},
		"QuotaExceeded": {
			"all agents are refused for one reason", func(s *snapshot.Snapshot) {
				for _, name := range []string{"metrics-agent", "clusteridentityoperator"} {
					arcUnmake(s, name, `pods "`+name+`-5d8f-" is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0`)
				}
				arcWithoutSecret(s, fairlead.IdentitySecret)
			}, []string{"ARC-08 fail missing <- EXT-02", "EXT-02 fail quota"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := arcAzure()
			tc.break_(s)
			if got := arcProblems(s); !slices.Equal(got, tc.want) {
				t.Errorf("%s\ngot  %q\nwant %q", tc.reason, got, tc.want)
			}
		})
	}
}

// TestOwnConnect is cluster connect of a hub of Fairlead, whose settings say whether it is on.
func TestOwnConnect(t *testing.T) {
	with := func(setting string, agents ...string) *snapshot.Snapshot {
		s := arcFairlead(agents...)
		if setting != "" {
			s.ConfigMaps[0].Data["AZURE_ARC_CLUSTER_CONNECT"] = setting
		}
		return s
	}
	both := append(arcFairleadAgents(), "clusterconnect-agent", "kube-aad-proxy")
	cases := map[string]struct {
		reason string
		seen   *snapshot.Snapshot
		want   []string
	}{
		"On":         {"both agents are there", with("true", both...), nil},
		"Off":        {"somebody switched it off", with("false", arcFairleadAgents()...), []string{"ARC-14 warn disabled"}},
		"EdgeOn":     {"the one agent has it in it", with("true", "edge-agent"), nil},
		"EdgeOff":    {"the one agent has it not", with("false", "edge-agent"), []string{"ARC-14 warn disabled"}},
		"OldVersion": {"agents that know no such feature", with("", arcFairleadAgents()...), nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := arcProblems(c.seen); !slices.Equal(got, c.want) {
				t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
			}
		})
	}
}
