package redact

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

func certificate(t testing.TB) (block string, der []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), der
}

func harmlessTexts(t testing.TB) map[string]string {
	t.Helper()
	cert, der := certificate(t)
	arm := "/subscriptions/3f2504e0-4f89-41d3-9a0c-0305e82c3301/resourceGroups/MC_myResourceGroup_myAKSCluster_eastus/providers/Microsoft.Kubernetes/connectedClusters/edge-01"
	return map[string]string{
		"empty":             "",
		"scheduler":         "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {CriticalAddonsOnly: true}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
		"x509":              `Get "https://10.0.0.1:443/api": tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority certificate "proxy")`,
		"x509-name":         "x509: certificate is valid for kubernetes, kubernetes.default.svc.cluster.local, not secret.example.com",
		"guide-403":         `{  "Message": "2024/02/07 06:04:43 \"Errorcode: 403, Message This traffic is not authorized., Target ` + arm + `/configurations/getPendingConfigs\"",  "LogType": "ConfigAgentTrace"}`,
		"guide-placeholder": "Target /subscriptions/<subscription-id>/resourceGroups/<resource-group-name>/provider/managedclusters/clusters/<cluster-name>/configurations/getPendingConfigs",
		"guide-nil":         `{  "Message": "2024/02/07 06:04:43 Failed to GET configurations with err : {\u003cnil\u003e}",  "Environment": "prod",  "Role": "ClusterConfigAgent",  "Location": "<region>"}`,
		"guide-adal":        `Error: in getting auth header : error {adal: Refresh request failed. Status Code = '404'. Response body: no azure identity found for request clientID <REDACTED>\n}`,
		"guide-forbidden":   `Error: list: failed to list: secrets is forbidden: User "myuser" cannot list resource "secrets" in API group "" at the cluster scope`,
		"guide-exists":      `Error: INSTALLATION FAILED: Unable to continue with install: ConfigMap "azure-clusterconfig" in namespace "default" exists and cannot be imported into the current release: invalid ownership metadata; label validation error: missing key "app.kubernetes.io/managed-by": must be set to "Helm"; annotation validation error: missing key "meta.helm.sh/release-name"`,
		"guide-container":   "kubectl -n kube-system logs ama-logs-rs-5cbc659bfb-9v96d -c addon-token-adapter",
		"guide-crd":         `spec.featureFlags.enableWASMStats in body must be of type boolean: "string"`,
		"guide-osm":         "osmConfig:\n  certKeyBitSize: 2048\n  serviceCertValidityDuration: 24h\n  enablePrivilegedInitContainer: false\n",
		"image":             `Failed to pull image "mcr.microsoft.com/azurearck8s/config-agent:1.14.5": failed to resolve reference "mcr.microsoft.com/azurearck8s/config-agent:1.14.5": dial tcp: lookup mcr.microsoft.com on 10.96.0.10:53: no such host`,
		"image-digest":      "mcr.microsoft.com/oss/kubernetes/pause@sha256:" + hex64,
		"image-id":          "imageID: docker-pullable://nginx@sha256:" + hex64,
		"image-token-name":  "image: mcr.microsoft.com/aks/addon-token-adapter:master.221118.2, hashicorp/vault-secret:1.2",
		"container-id":      `{"containerID":"containerd://` + hex64 + `"}`,
		"sandbox":           `Failed to create pod sandbox "` + hex64 + `": plugin type="flannel" failed`,
		"flux-revision":     "stored artifact for revision 'main@sha1:6a3f1c0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a'",
		"flux-old-revision": "Applied revision: main/6a3f1c0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
		"flux-ssh":          "url: ssh://git@github.com/org/repo.git",
		"arm-id":            arm,
		"arm-id-upper":      strings.Replace(arm, "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3F2504E0-4F89-41D3-9A0C-0305E82C3301", 1),
		"uuid":              "clientID 3f2504e0-4f89-41d3-9a0c-0305e82c3301",
		"certificate":       cert,
		"certificate-json":  `{"ca.crt":"` + oneLine(cert) + `"}`,
		"ca-bundle":         "caBundle: " + base64.StdEncoding.EncodeToString([]byte(cert)),
		"ca-bundle-json":    `{"clientConfig":{"caBundle":"` + base64.StdEncoding.EncodeToString([]byte(cert)) + `"}}`,
		"certificate-der":   "x5c " + base64.StdEncoding.EncodeToString(der),
		"pod-name":          "pod/extension-manager-7d9f8b6c5d-x2x4z node/aks-nodepool1-12345678-vmss000000",
		"event-name":        "events.v1 node01.17c3a5b2d4e6f8a0 seen",
		"volume":            `MountVolume.SetUp failed for volume "kube-aad-proxy-tls" : secret "kube-aad-proxy-certificate" not found`,
		"volume-token":      `MountVolume.SetUp failed for volume "kube-api-access-x2x4z" : failed to fetch token: serviceaccounts "default" not found`,
		"token-dial":        `failed to refresh token: dial tcp 20.1.2.3:443: i/o timeout`,
		"token-post":        `could not get token: Post "https://login.microsoftonline.com/x/oauth2/token": context deadline exceeded`,
		"token-x509":        "fetching the credential: x509: certificate has expired or is not yet valid",
		"password-prose":    "login failed: invalid password: authentication required for user",
		"volume-source":     `{"secretName":"kube-aad-proxy-certificate","secretKeyRef":{"name":"x","key":"password"},"tokenExpirationSeconds":3607,"automountServiceAccountToken":false}`,
		"volume-yaml":       "volumes:\n- name: token\n  projected:\n    sources:\n    - serviceAccountToken:\n        expirationSeconds: 3607\n        path: token\n- name: key\n  secret:\n    secretName: x\n",
		"pull-secrets":      "imagePullSecrets:\n- name: acr-pull\n",
		"toleration":        "tolerations:\n- key: CriticalAddonsOnly\n  operator: Exists\n- key: node-role.kubernetes.io/control-plane\n  value: \"true\"\n",
		"helm-values":       "existingSecret: my-credentials\npasswordPolicy: strict\nkeySize: 4096\ntokenTTL: 1h\nkeyVaultName: kv-edge\n",
		"proxy":             "HTTPS_PROXY=http://proxy.corp:3128 NO_PROXY=10.0.0.0/8,.svc,kubernetes.default.svc,.svc.cluster.local",
		"urls":              "https://gbl.his.arc.azure.com/healthz wss://svc.servicebus.windows.net:443/$hc/x?sb-hc-action=listen https://registry.example.com/@scope/pkg",
		"klog":              `I0207 06:04:43.123456       1 token.go:45] "Updated" pod="azure-arc/clusteridentityoperator-5cbc659bfb-9v96d" secret_count=3`,
		"source-position":   "github.com/fairlead/fairlead/agent/secret.go:12: main.token(0xc000123456)",
		"shell":             "PWD=/home/user OLDPWD=/tmp HOME=/root",
		"kubeconfig-paths":  "client-certificate: /home/user/.minikube/client.crt\nclient-key: /home/user/.minikube/client.key\n",
		"references":        "password: $(DB_PASSWORD)\ntoken: ${TOKEN}\nsecret: {{ .Values.secret }}\nkey: <key>\npassword: \"\"\ntoken: null\n",
		"masked":            "password=***** token=[redacted] secret: <redacted>",
		"ca-cert-hash":      "--discovery-token-ca-cert-hash sha256:" + hex64,
		"auth-challenge":    `Www-Authenticate: Bearer realm="https://mcr.microsoft.com/oauth2/token",service="mcr.microsoft.com"`,
		"bearer-prose":      "the bearer token authentication is not enabled; basic authentication neither",
		"ssh-fingerprint":   "ED25519 SHA256:2Qb6yY9c0TnQxk5VwZf1uHs8mJ3rLp4aEoDgKiNtBvM host key",
		"metrics":           `process_cpu_seconds_total{job="kube-state-metrics",instance="10.0.0.1:8080"} 12.5`,
		"results":           "--- PASS: TestRefuses/Quota (33.71s)\npass: 12 checks, fail: 3\n" + `{"pass":12,"fail":3}`,
		"package":           "install python3-jwt:all 2.6.0-1",
		"shim":              `level=info msg="shim disconnected" id=` + hex64,
		"operation":         `"operationId":"createAccesscontextmanagerCnrmCloudGoogleComV1beta1NamespacedAccessContextManager"`,
		"dns":               "lookup eastus.obo.arc.azure.com on 10.96.0.10:53: read udp 10.244.0.5:34567->10.96.0.10:53: i/o timeout",
		"headers":           "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n",
		"rbac":              "resources:\n- secrets\n- configmaps\nverbs: [get, list]\nresourceNames: [azure-identity-certificate]\n",
		"chinese":           "扩展代理 Pod 日志不应再记录“Errorcode: 403,消息此流量未获得授权”错误条目。",
		"describe":          "Name:         extension-agent\nNode:         node-1/10.0.0.4\nStart Time:   Wed, 07 Feb 2024 06:04:43 +0000\nContainer ID:  containerd://" + hex64 + "\nState:          Waiting\n  Reason:       CrashLoopBackOff\n",
	}
}

func TestTextKeeps(t *testing.T) {
	for name, text := range harmlessTexts(t) {
		t.Run(name, func(t *testing.T) {
			r := New([]byte("salt"))
			if got := r.Text(text); got != text {
				t.Errorf("\n%s\nbecame\n%s", text, got)
			}
			if removed := r.Removed(); len(removed) != 0 {
				t.Errorf("removed %v", removed)
			}
		})
	}
}

func TestTextKeepsWhatIsAround(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"proxy":      {"GET via http://bob:hunter2@proxy.corp:3128/x: 407", "@proxy.corp:3128/x: 407"},
		"statement":  {"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKey=aGk=;EntityPath=q", ";EntityPath=q"},
		"query":      {"https://a.blob.core.windows.net/c?sv=1&sig=abcdefghijkl&se=2", "&se=2"},
		"json":       {`{"a":1,"password":"hunter2","b":"x"}`, `,"b":"x"}`},
		"log":        {"password=hunter2 user=bob", " user=bob"},
		"bearer":     {"Authorization: Bearer hunter2hunter2, retried in 5s", "Authorization: Bearer <redacted:"},
		"yaml":       {"a:\n  password: |\n    x y\n    z\n  b: c", "\n  b: c"},
		"config-map": {"kind: ConfigMap\ndata:\n  a: b\n---\nkind: Secret\ndata:\n  c: ZA==\n", "data:\n  a: b\n---"},
		"pem":        {"before " + block("EC PRIVATE KEY", rsaBody) + " after", " after"},
		"url-parses": {"http://bob:hunter2@proxy.corp:3128", "http://redacted-"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := New(nil).Text(c.in); !strings.Contains(got, c.want) || got == c.in {
				t.Errorf("%q became %q, want %q in it", c.in, got, c.want)
			}
		})
	}
}
