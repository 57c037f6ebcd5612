package e2e_test

import "strings"

const (
	paint      = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: paint, labels: {a: b}}\ndata: {colour: red, coat: before}\n"
	paintBlue  = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: paint, labels: {a: c}}\ndata: {colour: blue}\n"
	paintTwice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: paint, resourceVersion: \"1\"}\ndata: {colour: green}\n"
	unlawful   = "apiVersion: v1\nkind: Service\nmetadata: {name: UPPER}\nspec: {ports: [{port: 99999}]}\n"
	unknown    = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: odd}\ndatta: {a: b}\n"

	deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: crew}
spec:
  replicas: 1
  revisionHistoryLimit: 2
  selector: {matchLabels: {app: crew}}
  template:
    metadata: {labels: {app: crew}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: kit, image: "` + kitImage + `", args: [lines, "2"]}]
`
	single = `apiVersion: v1
kind: Pod
metadata: {name: NAME, labels: {app: single}}
spec: {terminationGracePeriodSeconds: 1, containers: [{name: kit, image: "` + kitImage + `", args: [lines, "2"]}]}
`
	eviction = `{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"leaves","namespace":"@NS"}}`

	definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: buoys.@NS.fairlead.test}
spec:
  group: "@NS.fairlead.test"
  scope: Namespaced
  names: {plural: buoys, singular: buoy, kind: Buoy}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.count, statusReplicasPath: .status.count}}
    additionalPrinterColumns: [{name: Count, type: integer, jsonPath: .spec.count}]
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, required: [count], properties: {count: {type: integer, maximum: 9, description: how many}}}, status: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
`
	buoy     = "apiVersion: \"@NS.fairlead.test/v1\"\nkind: Buoy\nmetadata: {name: north}\nspec: {count: 3}\n"
	buoyMany = "apiVersion: \"@NS.fairlead.test/v1\"\nkind: Buoy\nmetadata: {name: south}\nspec: {count: 30}\n"
)

// writes are operations that each way does in a namespace of its own.
func writes() []operation {
	return []operation{
		{name: "Create", steps: []step{
			fed("create -f - -o yaml --show-managed-fields", paint), fed("! create -f -", paint), fed("! create -f - --dry-run=server -o yaml", paint), fed("! create -f - --validate=strict", unknown),
			fed("! create -f -", unlawful), fed("create -f - --dry-run=client -o yaml", paint), fed("delete -f -", paint), fed("! delete -f -", paint),
		}},
		{name: "Generators", steps: do(
			"create configmap made --from-literal=a=b -o yaml", "create secret generic made --from-literal=a=b -o yaml", "create serviceaccount made -o yaml", "create role made --verb=get --resource=pods -o yaml",
			"create job made --image=none --dry-run=server -o yaml", "create quota made --hard=configmaps=5 -o yaml", "delete quota/made role/made serviceaccount/made secret/made configmap/made")},
		{name: "Apply", steps: []step{
			fed("apply -f -", paint), fed("apply -f -", paint), fed("! diff -f -", paintBlue), fed("apply -f - -o yaml", paintBlue), fed("apply -f - --dry-run=server", paint), fed("apply view-last-applied configmap/paint", ""),
			fed("apply -f - --prune -l a=c", paintBlue), fed("delete configmap paint", ""),
		}},
		{name: "ServerSideApply", steps: []step{
			fed("apply --server-side -f - --field-manager=one -o yaml --show-managed-fields", paint), fed("! apply --server-side -f - --field-manager=two", paintBlue),
			fed("apply --server-side -f - --field-manager=two --force-conflicts -o yaml --show-managed-fields", paintBlue), fed("! apply --server-side --dry-run=server -f - --field-manager=one", paint), fed("delete configmap paint", ""),
		}},
		{name: "Replace", steps: []step{
			fed("create -f -", paint), fed("replace -f - -o yaml", paintBlue), fed("! replace -f -", paintTwice), fed("replace --force -f -", paint), fed("get configmap paint -o yaml", ""), fed("delete configmap paint", ""), fed("! replace -f -", paint),
		}},
		{name: "Patch", steps: []step{
			fed("create -f -", paint), fed(`patch configmap paint --type=json -p '[{"op":"replace","path":"/data/colour","value":"white"}]' -o yaml`, ""),
			fed(`! patch configmap paint --type=json -p '[{"op":"test","path":"/data/colour","value":"black"}]'`, ""), fed(`patch configmap paint --type=merge -p '{"data":{"coat":null}}' -o yaml`, ""),
			fed(`patch configmap paint -p '{"metadata":{"labels":{"x":"y"}}}' -o yaml`, ""), fed(`! patch configmap paint -p '{"data":{"a":1}}'`, ""), fed(`! patch configmap paint -p 'no json'`, ""), fed(`! patch configmap none -p '{}'`, ""), fed("delete configmap paint", ""),
		}},
		{name: "LabelAnnotate", steps: []step{
			fed("create -f -", paint), fed("label configmap paint ship=tug", ""), fed("! label configmap paint ship=barge", ""), fed("label configmap paint ship=barge --overwrite -o yaml", ""), fed("label configmap paint ship-", ""),
			fed("annotate configmap paint note=wet", ""), fed("! label configmap paint 'bad!=x'", ""), fed("get configmap paint -o yaml", ""), fed("delete configmap paint", ""),
		}},
		{name: "Edit", steps: []step{fed("create -f -", paint), fed("edit configmap paint", ""), fed("get configmap paint -o yaml", ""), fed("edit configmap paint", ""), fed("delete configmap paint", "")}},
		{name: "Rollout", steps: []step{
			fed("apply -f -", deployment), fed("wait --for=condition=Available deployment/crew --timeout=40s", ""), fed("rollout status deployment/crew", ""), fed("rollout history deployment/crew", ""), fed("set env deployment/crew A=b", ""),
			fed("wait --for=jsonpath={.status.updatedReplicas}=1 deployment/crew --timeout=30s", ""), fed("rollout history deployment/crew --revision=2", ""), fed("rollout undo deployment/crew", ""),
			fed("rollout pause deployment/crew", ""), fed("! rollout pause deployment/crew", ""), fed("rollout resume deployment/crew", ""), fed("set image deployment/crew kit="+kitImage, ""),
		}},
		{name: "Scale", steps: do(
			"scale deployment/crew --replicas=0", "get deployment crew --subresource=scale -o jsonpath={.spec}", "! scale deployment/crew --current-replicas=5 --replicas=1", "autoscale deployment/crew --min=1 --max=2 --name=crew -o yaml", "delete hpa crew",
			"expose deployment/crew --port=80 --dry-run=server -o jsonpath={.spec.ports}")},
		{name: "Status", steps: do(
			`patch deployment crew --subresource=status --type=merge -p '{"status":{"collisionCount":3}}' -o jsonpath={.status.collisionCount}`, "get deployment crew --subresource=status -o jsonpath={.metadata.name}",
			`! patch deployment crew --subresource=none --type=merge -p '{}'`)},
		{name: "DeleteForeground", steps: do("delete deployment crew --cascade=foreground --timeout=30s", "get replicasets,pods -l app=crew")},
		{name: "DeleteCollection", steps: do(
			"create configmap a", "create configmap b", "create configmap c", "label configmap a b side=left", "delete configmap -l side=left", "get configmap -l side=left",
			"delete --raw /api/v1/namespaces/@NS/configmaps?fieldSelector=metadata.name%3Dc", "! get configmap c", "! delete --raw /api/v1/namespaces/@NS/configmaps/none")},
		{name: "Custom", steps: []step{
			fed("create -f -", definition), fed("wait --for=condition=Established crd/buoys.@NS.fairlead.test --timeout=20s", ""), fed("get crd buoys.@NS.fairlead.test -o jsonpath={.status.acceptedNames}", ""), fed("apply -f -", buoy), fed("! apply -f -", buoyMany),
			fed("get buoys.@NS.fairlead.test", ""), fed("get buoys.@NS.fairlead.test north -o yaml", ""), fed("scale buoys.@NS.fairlead.test/north --replicas=5", ""), fed("get buoys.@NS.fairlead.test", ""), fed(`patch buoys.@NS.fairlead.test north --type=merge --subresource=status -p '{"status":{"count":4}}' -o yaml`, ""),
			fed(`! patch buoys.@NS.fairlead.test north --type=strategic -p '{}'`, ""), fed("delete buoys.@NS.fairlead.test north", ""), fed("delete crd buoys.@NS.fairlead.test --timeout=20s", ""), fed("! get buoys.@NS.fairlead.test", ""),
		}},
		{name: "Evict", steps: []step{
			fed("create -f -", strings.Replace(single, "NAME", "leaves", 1)), fed("wait --for=condition=Ready pod/leaves --timeout=40s", ""), fed("create --raw /api/v1/namespaces/@NS/pods/leaves/eviction -f -", eviction),
			fed("wait --for=delete pod/leaves --timeout=20s", ""), fed("! create --raw /api/v1/namespaces/@NS/pods/leaves/eviction -f -", eviction),
		}},
		{name: "DryRunOfAll", steps: do("delete all --all --dry-run=server", "run dry --image=x --dry-run=server -o jsonpath={.spec.containers[0].image}", "create deployment dry --image=x --dry-run=server -o name", "taint nodes --all a=b:NoSchedule --dry-run=server")},
		{name: "Debug", steps: []step{
			fed("create -f -", strings.Replace(single, "NAME", "hurt", 1)), fed("wait --for=condition=Ready pod/hurt --timeout=40s", ""), fed("debug hurt --image="+kitImage+" -c looks --profile=general -- /kit exit 0", ""),
			fed("get pod hurt -o jsonpath={.spec.ephemeralContainers[0].name}", ""), fed("delete pod hurt --now", ""),
		}},
		{name: "Token", steps: do("create serviceaccount speaks", "! create token speaks --duration=10m --bound-object-kind=Pod --bound-object-name=none", "delete serviceaccount speaks", "! create token speaks")},
		{name: "Finalizer", steps: []step{
			fed("create -f -", paint), fed(`patch configmap paint -p '{"metadata":{"finalizers":["fairlead.test/stay"]}}'`, ""), fed("! delete configmap paint --timeout=1s", ""), fed("delete configmap paint --wait=false", ""),
			fed(`patch configmap paint --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'`, ""), fed("wait --for=delete configmap/paint --timeout=5s", ""),
		}},
		{name: "Namespaces", steps: do("create namespace @NS-more", "delete namespace @NS-more --timeout=30s", "! delete namespace default", "! create namespace 'Bad Name'")},
	}
}

// apartFromOneAnother are operations on what there is only one of: one way does them, then the other.
func apartFromOneAnother() []operation {
	return []operation{
		{name: "Node", apart: true, steps: append([]step{
			fed("create -f -", strings.Replace(single, "NAME", "drained", 1)), fed("wait --for=condition=Ready pod/drained --timeout=40s", ""),
		}, do(
			"cordon -l kubernetes.io/os=linux", "cordon -l kubernetes.io/os=linux", "get nodes -o jsonpath={.items[*].spec.unschedulable}",
			"drain -l kubernetes.io/os=linux --pod-selector=app=single --force --timeout=30s", "get pods -l app=single", "uncordon -l kubernetes.io/os=linux",
			"drain -l kubernetes.io/os=linux --pod-selector=app=crew --dry-run=server", "uncordon -l kubernetes.io/os=linux",
			"label nodes --all pier=3", "label nodes --all pier-", "taint nodes --all wet=yes:PreferNoSchedule", "taint nodes --all wet-", "! drain none")...)},
		{name: "ClusterRoles", apart: true, steps: do(
			"create clusterrole mate --verb=get --resource=pods", "create clusterrolebinding mate --clusterrole=mate --user=nobody -o yaml", "delete clusterrolebinding mate", "delete clusterrole mate", "! delete clusterrole mate")},
	}
}
