package redact

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func TestTokensAreConsistent(t *testing.T) {
	r := New([]byte("salt"))
	token := r.Value("DB_PASSWORD", "hunter2!")
	if !regexp.MustCompile(`^<redacted:password:[0-9a-f]{6}>$`).MatchString(token) {
		t.Fatalf("the token is %q", token)
	}
	digits := strings.TrimSuffix(token, ">")[len("<redacted:password:"):]
	same := map[string]string{
		"log":    "x password=hunter2! y",
		"json":   `{"token":"hunter2!"}`,
		"secret": `{"kind":"Secret","stringData":{"a":"hunter2!"}}`,
		"header": "Authorization: Bearer hunter2!",
	}
	for name, text := range same {
		if got := r.Text(text); !strings.Contains(got, token) {
			t.Errorf("%s: %q lacks %s", name, got, token)
		}
	}
	for name, text := range map[string]string{"url": "http://bob:hunter2!@h/", "percent": "http://bob:hunter2%21@h/"} {
		if got := r.Text(text); got != "http://redacted-"+digits+"@h/" {
			t.Errorf("%s: %q lacks %s", name, got, digits)
		}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte("hunter2!"))
	if got := r.JSON(map[string]any{"kind": "Secret", "data": map[string]any{"a": encoded}}); !reflect.DeepEqual(got, map[string]any{"kind": "Secret", "data": map[string]any{"a": token}}) {
		t.Errorf("the Secret became %v", got)
	}
	if other := r.Value("DB_PASSWORD", "hunter3!"); other == token {
		t.Error("two secrets have one token")
	}
	if other := New([]byte("pepper")).Value("DB_PASSWORD", "hunter2!"); other == token {
		t.Error("two salts give one token")
	}
}

func TestTokenOfKeyIsTheSameInEveryNotation(t *testing.T) {
	r := New(nil)
	plain := block("PRIVATE KEY", rsaBody)
	quoted := r.Text(`{"private_key":"` + oneLine(plain) + `\n"}`)
	if token := r.Text(plain); !strings.Contains(quoted, token) {
		t.Errorf("%s is not in %s", token, quoted)
	}
}

func TestURLParses(t *testing.T) {
	parsed, err := url.Parse(New(nil).Value("HTTPS_PROXY", "http://bob:p%40ss@proxy.corp:3128"))
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Scheme != "http" || parsed.Hostname() != "proxy.corp" || parsed.Port() != "3128" {
		t.Errorf("what is left is %s", parsed)
	}
}

func TestRemoved(t *testing.T) {
	r := New(nil)
	text := r.Text("password=hunter2 ghp_16C7e42F292c6912E7710c838347Ae178B4a http://a:b@h password=hunter2")
	r.Text(text)
	want := map[string]int{kindPassword: 2, kindGitHub: 1, kindURL: 1}
	if got := r.Removed(); !maps.Equal(got, want) {
		t.Errorf("removed %v, want %v", got, want)
	}
}

func TestValue(t *testing.T) {
	goes := map[string]string{
		"DB_PASSWORD": "a", "dbPassword": "a", "db.password": "a b", "auth-token": "x", "CLIENT_SECRET": "s", "apiKey": "k", "API_KEY": "12",
		"tls.key": "x", "AZURE_STORAGE_CONNECTION_STRING": "a=b", "connectionString": "postgres://h/db", "sasToken": "?sv=1", "credential": "c",
		"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "client-key-data": "eA==", ".dockerconfigjson": "e30=", "global.proxy.password": "x",
		"GITHUB_PAT": "x", "SECRET_KEY_BASE": "x", "passwordHash": "x", "primaryKey": "x", "PGPASSWORD": "x", "key": "aB3dE5fG7hI9jK1lM3nO", "Authorization": "Bearer x",
	}
	for key, value := range goes {
		if got := New(nil).Value(key, value); !onlyTokens(got) {
			t.Errorf("%s: %s became %s", key, value, got)
		}
	}
	stays := map[string]string{
		"secretName": "a", "keySize": "4096", "tokenExpiry": "1h", "TOKEN_URL": "https://h/token", "passwordFile": "/etc/x", "key": "CriticalAddonsOnly",
		"publicKey": "x", "keyVaultName": "kv", "topologyKey": "kubernetes.io/hostname", "existingSecret": "x", "imagePullSecret": "x", "HTTPS_PROXY": "http://h:3128",
		"password": "", "DB_TOKEN": "$(TOKEN)", "automountServiceAccountToken": "false", "client-key": "/etc/kubernetes/client.key", "PWD": "/root",
		"monkey": "banana", "tokenizer": "bert", "AZURE_TENANT_ID": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "certKeyBitSize": "2048", "pass": "",
	}
	for key, value := range stays {
		if got := New(nil).Value(key, value); got != value {
			t.Errorf("%s: %s became %s", key, value, got)
		}
	}
}

func TestJSON(t *testing.T) {
	in := `{
	 "items": [{"kind":"Secret","metadata":{"name":"s","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{hunter2a}"}},"data":{"a":"aHVudGVyMmI="},"stringData":{"b":"hunter2c"},"type":"Opaque"},
	  {"metadata":{"name":"t"},"type":"helm.sh/release.v1","data":{"release":"hunter2d"}}],
	 "list": {"kind":"SecretList","items":[{"data":{"x":"hunter2e"}}]},
	 "env": [{"name":"DB_PASSWORD","value":"hunter2f"},{"name":"LEVEL","value":"info"}],
	 "args": ["--password","hunter2g","--token=hunter2h","--level","info"],
	 "password": 1234567, "tokens": ["hunter2i"], "nested": {"clientSecret": {"value": "hunter2l"}},
	 "log": "login with password=hunter2j failed", "auths": {"https://bob:hunter2k@reg": {"auth": "Ym9iOmh1bnRlcjI="}},
	 "replicas": 3, "ready": true, "nothing": null, "taint": {"key":"CriticalAddonsOnly","value":"true","effect":"NoSchedule"}
	}`
	var v any
	if err := json.Unmarshal([]byte(in), &v); err != nil {
		t.Fatal(err)
	}
	before, _ := json.Marshal(v)
	r := New(nil)
	safe := r.JSON(v)
	out, err := json.Marshal(safe)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter2", "aHVudGVyMmI", "1234567", "Ym9iOmh1bnRlcjI"} {
		if strings.Contains(string(out), secret) {
			t.Errorf("%s is still in %s", secret, out)
		}
	}
	for _, kept := range []string{`"replicas":3`, `"ready":true`, `"nothing":null`, `"value":"info"`, `"key":"CriticalAddonsOnly"`, `"--level","info"`, `"name":"s"`, "login with password="} {
		if !strings.Contains(string(out), kept) {
			t.Errorf("%s is not in %s", kept, out)
		}
	}
	if after, _ := json.Marshal(v); string(after) != string(before) {
		t.Error("the input was changed")
	}
	if again := r.JSON(safe); !reflect.DeepEqual(again, safe) {
		t.Errorf("a second time\n%v\nbecomes\n%v", safe, again)
	}
	if got := r.Text(string(out)); got != string(out) {
		t.Errorf("as text\n%s\nbecomes\n%s", out, got)
	}
}

func TestJSONOfOtherTypes(t *testing.T) {
	in := struct {
		Password string            `json:"password"`
		Labels   map[string]string `json:"labels"`
	}{"hunter2", map[string]string{"a": "b"}}
	got, ok := New(nil).JSON(in).(map[string]any)
	if !ok || !onlyTokens(got["password"].(string)) || !reflect.DeepEqual(got["labels"], map[string]any{"a": "b"}) {
		t.Errorf("it became %v", got)
	}
}
