package redact

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func FuzzText(f *testing.F) {
	for _, p := range plants() {
		f.Add(p.text, "", uint8(0))
	}
	for _, text := range harmlessTexts(f) {
		f.Add(text, text, uint8(1))
	}
	f.Add(`password="`, `\"`, uint8(3))
	f.Add("password: |\n  <redacted:password:000000> x", ":", uint8(4))
	f.Add("http://<redacted:token:0a1b2c>@h", "@", uint8(5))
	planted := []string{
		"password=Xk29hunter7Zq", `"client_secret":"Xk29hunter7Zq"`, "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "xoxb-1234567890-abcdefGHIJ",
		"AccountKey=" + base88, jwt, "http://bob:Xk29hunter7Zq@host/", "AKIAIOSFODNN7EXAMPLE",
	}
	secrets := []string{"Xk29hunter7Zq", "ghp_16C7e42F292c", "xoxb-1234567890-abcdefGHIJ", base88, jwt, "AKIAIOSFODNN7EXAMPLE"}
	f.Fuzz(func(t *testing.T, before, after string, choice uint8) {
		for _, secret := range secrets {
			if strings.Contains(before+after, secret) {
				before, after = "", ""
			}
		}
		in := before + " " + planted[int(choice)%len(planted)] + " " + after
		r := New([]byte("salt"))
		out := r.Text(in)
		for _, secret := range secrets {
			if strings.Contains(out, secret) {
				t.Errorf("%q is still in %q, which was %q", secret, out, in)
			}
		}
		if again := r.Text(out); again != out {
			t.Errorf("%q\nbecame %q\nand then %q", in, out, again)
		}
	})
}

func FuzzTextIsStable(f *testing.F) {
	for _, p := range plants() {
		f.Add(p.text)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r := New([]byte("salt"))
		out := r.Text(in)
		if again := r.Text(out); again != out {
			t.Errorf("%q\nbecame %q\nand then %q", in, out, again)
		}
		value := r.Value(in, in)
		if again := r.Value(in, value); again != value {
			t.Errorf("the value %q\nbecame %q\nand then %q", in, value, again)
		}
	})
}

// TestTextTakesLinearTime repeats what makes a careless search look ahead to the end again and again.
func TestTextTakesLinearTime(t *testing.T) {
	parts := map[string]string{
		"begin": "-----BEGIN PRIVATE KEY-----", "end": "-----END PRIVATE KEY-----", "certificate": "-----BEGIN CERTIFICATE-----a", "url": "//a:b", "escaped-url": `\/\/a:b`,
		"quote": `password="\"`, "key": "password=", "yaml": "password:\n", "nested": "- password: |\n", "escaped-yaml": `\npassword:`, "escaped-export": `\npassword=`, "xml": "<password>",
		"flag": "--password ", "pair": "name: password\n", "value": `"value":"`, "data": "kind: Secret\ndata:\n", "object": `"kind":"Secret","data":{`, "slashes": `\`, "random": "aA1aA1aA1",
		"dots": "aaaaaa.aaaaaaaaaaaaaaaa", "jwt": "eyJ", "at": "@tcp(", "equals": "=", "percent": "%2F%2F", "bearer": "Bearer ", "header": "Authorization: ", "list": `"password":[`, "cookie": "cookie:a",
		"q": "1Q~", "hex": "0123456789abcdef0123456789abcdef01234567-", "base64": "MIIABCDE", "pem64": "LS0tLS1CRUdJTi", "space": " ", "newline": "\n", "escape": `\n`, "colon": ":", "token": "<redacted:token:abcdef>",
	}
	for name, part := range parts {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			New(nil).Text(strings.Repeat(part, (1<<20)/len(part)))
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("one MiB took %s", took)
			}
		})
	}
}

func sampleLog(size int) string {
	var b strings.Builder
	arm := "/subscriptions/3f2504e0-4f89-41d3-9a0c-0305e82c3301/resourceGroups/rg/providers/Microsoft.Kubernetes/connectedClusters/edge-01"
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `{"Message":"2024/02/07 06:04:43 \"Errorcode: 403, Message This traffic is not authorized., Target %s/configurations/getPendingConfigs\"","LogType":"ConfigAgentTrace","LogLevel":"Information","Environment":"prod","Role":"ClusterConfigAgent","Location":"eastus","ArmId":"%s","CorrelationId":"%08x-0000-4000-8000-000000000000","AgentName":"ConfigAgent","AgentVersion":"1.14.5"}`+"\n", arm, arm, i)
		fmt.Fprintf(&b, "I0207 06:04:43.%06d       1 reconcile.go:%d] \"Reconciled\" pod=\"azure-arc/extension-manager-7d9f8b6c5d-x2x4z\" image=\"mcr.microsoft.com/x@sha256:%s\" duration=12.5ms\n", i, i%900, hex64)
		if i%50 == 0 {
			fmt.Fprintf(&b, "E0207 06:04:43 proxy.go:12] GET http://bob:hunter%d@proxy.corp:3128: 407 password=hunter%d Authorization: Bearer %s\n", i, i, jwt)
		}
	}
	return b.String()
}

func BenchmarkText(b *testing.B) {
	log := sampleLog(4 << 20)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		New([]byte("salt")).Text(log)
	}
}

func BenchmarkTextWithoutSecrets(b *testing.B) {
	log := strings.ReplaceAll(strings.ReplaceAll(sampleLog(4<<20), "hunter", ""), jwt, "")
	log = strings.NewReplacer("password=", "", "bob:", "", "Authorization: Bearer", "").Replace(log)
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		New([]byte("salt")).Text(log)
	}
}
