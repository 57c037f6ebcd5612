package stage

import "fmt"

// ProxyAccount is the account that OpenShift has to let mount a host path.
const ProxyAccount = "system:serviceaccount:azure-arc:azure-arc-kube-aad-proxy-sa"

// OpenShift are the definitions by which an OpenShift is known.
const OpenShift = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clusterversions.config.openshift.io}
spec:
  group: config.openshift.io
  names: {kind: ClusterVersion, listKind: ClusterVersionList, plural: clusterversions, singular: clusterversion}
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: securitycontextconstraints.security.openshift.io}
spec:
  group: security.openshift.io
  names: {kind: SecurityContextConstraints, listKind: SecurityContextConstraintsList, plural: securitycontextconstraints, singular: securitycontextconstraints}
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// OpenShiftObjects are a ClusterVersion and the constraints that an account may use.
func OpenShiftObjects(version, account string) string {
	return fmt.Sprintf(`apiVersion: config.openshift.io/v1
kind: ClusterVersion
metadata: {name: version}
status:
  desired: {version: %[1]s}
  history: [{state: Completed, version: %[1]s}]
---
apiVersion: security.openshift.io/v1
kind: SecurityContextConstraints
metadata: {name: privileged}
allowHostDirVolumePlugin: true
users: ["%[2]s"]
groups: []
`, version, account)
}
