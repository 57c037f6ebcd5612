package redact

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

const (
	rsaBody  = "MIIEowIBAAKCAQEAx3Qm9Zp0aVb7dYk2c1LwNfT8uRs5eXhJ6gKqMvOiBnWyCzPt\nDl4Ua7rEo9HjFxGk1SwQpZ3vLb5TmYc8NdR0iXeKu2JhVgAfPyBsOqMtWzIn6Cl\n"
	base88   = "Zm9vYmFyK2Jhel9xdXV4L3NlY3JldHMtYXJlLWhlcmUvOTg3NjU0MzIxMGFiY2RlZkdISUpLTE1OT1BRUg=="
	jwt      = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEyMyJ9.eyJzdWIiOiJzeXN0ZW06c2EifQ.c2lnbmF0dXJlLXBhcnQ_x-1"
	hex64    = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	base64ed = "q3JpYt8ZVf7LwKp2XnB0sMh5TgRd9EuQaYc4GjHvWzN1oFk6"
)

func block(label, body string) string {
	return "-----BEGIN " + label + "-----\n" + body + "-----END " + label + "-----"
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }

// plant is a text with a secret in it; the parts that must be gone are given.
type plant struct {
	text string
	gone []string
}

func plants() map[string]plant {
	serviceBus := "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey="
	return map[string]plant{
		"url-password":           {"proxy http://bob:hunter2@proxy.corp:3128/ refused", []string{"hunter2", "bob"}},
		"url-percent":            {"https://bob:p%40ss%2Fw0rd@proxy.corp:3128", []string{"p%40ss", "w0rd", "bob"}},
		"url-at-in-password":     {"postgres://bob:p@ssw0rd@db:5432/app", []string{"ssw0rd", "bob"}},
		"url-slash-in-password":  {"postgres://bob:hun/ter2@db.example.com:5432/app", []string{"ter2", "bob"}},
		"url-encoded-whole":      {"next=https%3A%2F%2Fbob%3Ahunter2%40proxy.corp%2Fx", []string{"hunter2"}},
		"url-token-only":         {"git clone https://0123abcdtoken@example.com/r.git", []string{"0123abcdtoken"}},
		"url-escaped-slashes":    {`{"u":"https:\/\/bob:hunter2@proxy.corp\/x"}`, []string{"hunter2"}},
		"mysql-dsn":              {"dsn root:hunter2@tcp(10.0.0.1:3306)/app", []string{"hunter2"}},
		"bearer":                 {"Authorization: Bearer abc123def456", []string{"abc123def456"}},
		"bearer-short":           {"Authorization: Bearer hunter2", []string{"hunter2"}},
		"basic":                  {"Authorization: Basic Ym9iOmh1bnRlcjI=", []string{"Ym9iOmh1bnRlcjI"}},
		"basic-in-prose":         {"sent basic Ym9iOmh1bnRlcjI= to it", []string{"Ym9iOmh1bnRlcjI"}},
		"header-json":            {`{"Authorization":["Bearer hunter2hunter2"]}`, []string{"hunter2"}},
		"header-go":              {"map[Accept:[*/*] Authorization:[Bearer hunter2xyz] X:[y]]", []string{"hunter2"}},
		"header-curl":            {`curl -H "Authorization: Bearer hunter2xyz" https://h`, []string{"hunter2"}},
		"header-sas":             {"Authorization: SharedAccessSignature sr=ns&sig=abcDEF123&se=1", []string{"abcDEF123"}},
		"jwt":                    {"got " + jwt + " from it", []string{jwt, "c2lnbmF0dXJl"}},
		"pem-rsa":                {block("RSA PRIVATE KEY", rsaBody), []string{"MIIEowIBAAKC", "Dl4Ua7rEo9"}},
		"pem-ec":                 {block("EC PRIVATE KEY", rsaBody), []string{"MIIEowIBAAKC", "Dl4Ua7rEo9"}},
		"pem-pkcs8":              {block("PRIVATE KEY", rsaBody), []string{"MIIEowIBAAKC", "Dl4Ua7rEo9"}},
		"pem-encrypted":          {block("ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\n"+rsaBody), []string{"MIIEowIBAAKC", "Dl4Ua7rEo9"}},
		"pem-openssh":            {block("OPENSSH PRIVATE KEY", rsaBody), []string{"MIIEowIBAAKC", "Dl4Ua7rEo9"}},
		"pem-escaped":            {`{"k":"` + oneLine(block("RSA PRIVATE KEY", rsaBody)) + `\n"}`, []string{"MIIEowIBAAKC", "Dl4Ua7rEo9"}},
		"pem-cut-off":            {"-----BEGIN RSA PRIVATE KEY-----\n" + rsaBody[:100], []string{"MIIEowIBAAKC", "Dl4Ua7rEo9"}},
		"pem-only-end":           {rsaBody + "c2hvcnQ=\n-----END RSA PRIVATE KEY-----", []string{"Dl4Ua7rEo9", "c2hvcnQ"}},
		"storage-account":        {"DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=" + base88 + ";EndpointSuffix=core.windows.net", []string{base88}},
		"account-key-short":      {"AccountKey=c2hvcnQ=;EndpointSuffix=x", []string{"c2hvcnQ"}},
		"sas-url":                {"https://acc.blob.core.windows.net/c/b?sv=2022&sig=aB3%2Fx9Q%3D&se=2024", []string{"aB3%2Fx9Q"}},
		"sas-escaped":            {`{"u":"https://a.blob/c?sv=1\u0026sig=aB3x9QaB3x\u0026se=2"}`, []string{"aB3x9QaB3x"}},
		"azure-secret":           {"secret is abc8Q~Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0_F-eD now", []string{"8Q~Zx9Yw8", "Hg0_F-eD"}},
		"azure-secret-7":         {"using a~c7Q~Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0.FeD~.", []string{"7Q~Zx9Yw8", "Hg0.FeD"}},
		"aws-id":                 {"id AKIAIOSFODNN7EXAMPLE used", []string{"AKIAIOSFODNN7EXAMPLE"}},
		"aws-secret":             {"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", []string{"wJalrXUtnFEMI", "EXAMPLEKEY"}},
		"github-classic":         {"push with ghp_16C7e42F292c6912E7710c838347Ae178B4a failed", []string{"ghp_16C7e42F"}},
		"github-oauth":           {"gho_16C7e42F292c6912E7710c838347Ae178B4a", []string{"gho_16C7e42F"}},
		"github-fine":            {"x github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789 y", []string{"github_pat_11", "mnopqrstuv"}},
		"gitlab":                 {"glpat-x8Yz-3kLmN_pQrStUv12", []string{"glpat-x8Yz"}},
		"slack":                  {"xoxb-1234567890-abcdefGHIJ", []string{"xoxb-1234567890"}},
		"slack-hook":             {"POST https://hooks.slack.com/services/T00000000/B00000000/XXXyyyZZZ111222", []string{"XXXyyyZZZ111222"}},
		"google-key":             {"https://maps/api?x=AIzaSyA1b2C3d4E5f6G7h8I9j0KlMnOpQrStUvW", []string{"AIzaSyA1b2C3"}},
		"google-account":         {`{"type":"service_account","private_key":"` + oneLine(block("PRIVATE KEY", rsaBody)) + `\n","client_email":"a@b.c"}`, []string{"MIIEowIBAAKC", "Dl4Ua7rEo9"}},
		"docker-auth":            {`{"auths":{"reg.io":{"username":"bob","password":"hunter2","auth":"Ym9iOmh1bnRlcjI="}}}`, []string{"hunter2", "Ym9iOmh1bnRlcjI"}},
		"kubeconfig":             {"users:\n- name: a\n  user:\n    client-key-data: LS0tLS1CRUdJTg==\n    token: short-token\n", []string{"LS0tLS1CRUdJTg", "short-token"}},
		"service-bus":            {serviceBus + "c2hvcnRrZXk=;EntityPath=q", []string{"c2hvcnRrZXk"}},
		"password-equals":        {"login password=hunter2 failed", []string{"hunter2"}},
		"passwd-colon":           {"login passwd: hunter2 failed", []string{"hunter2"}},
		"pwd-comma":              {"Server=x;Uid=u;Pwd=hun,ter;2;Database=d", []string{"hun,ter", "ter;2"}},
		"api-key":                {"api_key=hunter2&x=1", []string{"hunter2"}},
		"password-number":        {`{"password": 12345, "x": 1}`, []string{"12345"}},
		"password-list":          {`{"passwords": ["hunter2", "hunter3"]}`, []string{"hunter2", "hunter3"}},
		"password-single-quotes": {"password: 'hunter2 it''s' # c", []string{"hunter2", "it''s"}},
		"password-spaces":        {"a: b\npassword: hunter2 with more words\nc: d", []string{"hunter2", "more words"}},
		"password-folded":        {"a:\n  password: >-\n    hunter2\n    second line\n  c: d", []string{"hunter2", "second line"}},
		"password-below":         {"a:\n  password:\n    hunter2\n  c: d", []string{"hunter2"}},
		"password-escaped-yaml":  {`{"v.yaml":"a: b\n  password: hunter2 two\nc: d"}`, []string{"hunter2", "two"}},
		"password-flag":          {"run --password hunter2 --name x", []string{"hunter2"}},
		"password-args":          {`args: ["--client-secret","hunter2","--x"]`, []string{"hunter2"}},
		"password-xml":           {"<a><password>hunter2</password></a>", []string{"hunter2"}},
		"password-go":            {`password := "hunter2"`, []string{"hunter2"}},
		"password-index":         {`env["DB_PASSWORD"] = 'hunter2'`, []string{"hunter2"}},
		"password-escaped-twice": {`{"a":"{\"b\":\"{\\\"password\\\":\\\"hunter2\\\"}\"}"}`, []string{"hunter2"}},
		"password-quote-inside":  {`{"password":"hun\"ter2","x":"y"}`, []string{`hun`, "ter2"}},
		"password-cut-off":       {`{"password":"hunter2`, []string{"hunter2"}},
		"bootstrap":              {"kubeadm join --token abcdef.0123456789abcdef 10.0.0.1:6443", []string{"0123456789abcdef"}},
		"bootstrap-alone":        {"found abcdef.0123456789abcdef.", []string{"0123456789abcdef"}},
		"package-auth":           {"//registry.example.com/:_authToken=hunter2", []string{"hunter2"}},
		"package-mark":           {"use npm_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5", []string{"npm_aB3dE5"}},
		"package-mark-2":         {"use pypi-AgEIcHlwaS5vcmcCJGFiY2RlZg-x", []string{"pypi-AgEIcHlw"}},
		"oauth-form":             {"grant_type=refresh_token&refresh_token=hunter2&client_secret=hunter3&client_id=a", []string{"hunter2", "hunter3"}},
		"oauth-json":             {`{"refresh_token":"hunter2","client_secret":"hunter3","expires_in":3600}`, []string{"hunter2", "hunter3"}},
		"random-base64":          {"opaque " + base64ed + " here", []string{base64ed}},
		"random-hex":             {"opaque " + hex64 + " here", []string{hex64}},
		"random-in-path":         {"POST /hook/" + base64ed + "/x", []string{base64ed}},
		"fairlead-secret":        {"fls_ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", []string{"fls_ABCDEF"}},
		"cookie":                 {"Set-Cookie: session=hunter2; Path=/", []string{"hunter2"}},
		"env-json":               {`{"env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"A","value":"b"}]}`, []string{"hunter2"}},
		"env-json-reversed":      {`{"value":"hunter2","name":"DB_PASSWORD"}`, []string{"hunter2"}},
		"env-json-pretty":        {"[\n {\n  \"name\": \"DB_PASSWORD\",\n  \"value\": \"hunter2\"\n }\n]", []string{"hunter2"}},
		"env-yaml":               {"env:\n- name: DB_PASSWORD\n  value: hunter2 x\n- name: A\n  value: b", []string{"hunter2"}},
		"env-go":                 {"EnvVar{Name:DB_PASSWORD,Value:hunter2,ValueFrom:nil,}", []string{"hunter2"}},
		"env-file":               {"A=b\nexport DB_PASSWORD=hunter2 x\nC=d", []string{"hunter2"}},
		"secret-yaml":            {"apiVersion: v1\nkind: Secret\ndata:\n  a: aHVudGVyMg==\n  b: |\n    hunter3\nstringData:\n  c: hunter4\ntype: Opaque\n", []string{"aHVudGVyMg", "hunter3", "hunter4"}},
		"secret-json":            {`{"apiVersion":"v1","data":{"a":"aHVudGVyMg=="},"kind":"Secret","metadata":{"name":"x"}}`, []string{"aHVudGVyMg"}},
		"secret-applied":         {`{"a":"{\"data\":{\"a\":\"aHVudGVyMg==\"},\"kind\":\"Secret\"}\n"}`, []string{"aHVudGVyMg"}},
		"private-key-base64":     {"x: " + base64.StdEncoding.EncodeToString([]byte(block("RSA PRIVATE KEY", rsaBody))), []string{"LS0tLS1CRUdJTiBSU0EgUFJJVkFURS"}},
		"pass":                   {`user=bob pass=hunter2 {"pass":"hunter2"}`, []string{"hunter2"}},
		"in-quoted-key":          {`key: "password=hunter2 x" y`, []string{"hunter2"}},
		"after-short-key":        {`key=0 "client_secret":"hunter2"`, []string{"hunter2"}},
		"connection-string":      {`ConnectionStrings__db: "Server=tcp:x,1433;User ID=u;Password=hunter2;"`, []string{"hunter2"}},
	}
}

func embeddings() map[string]func(string) string {
	quote := func(s string) string {
		content, err := json.Marshal(s)
		if err != nil {
			return strconv.Quote(s)
		}
		return string(content)
	}
	return map[string]func(string) string{
		"alone": func(s string) string { return s },
		"line":  func(s string) string { return "2024-02-07T06:04:43Z INFO something happened\n" + s + "\nnext line" },
		"prefix": func(s string) string {
			return "2024-02-07T06:04:43.1Z stderr F E0207 x.go:12] err=failed " + s + " end"
		},
		"json":  func(s string) string { return `{"Message":` + quote(s) + `,"LogLevel":"Information"}` },
		"twice": func(s string) string { return `{"log":` + quote(`{"msg":`+quote(s)+`}`) + `}` },
		"yaml": func(s string) string {
			return "data:\n  log: |\n    " + strings.ReplaceAll(s, "\n", "\n    ") + "\nother: x\n"
		},
		"crlf":  func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") + "\r\n" },
		"after": func(s string) string { return "see <redacted:password:0a1b2c> and\n" + s },
		"query": func(s string) string { return "GET https://example.com/path?a=b\n" + s },
	}
}

func TestTextRemoves(t *testing.T) {
	for name, p := range plants() {
		for where, embed := range embeddings() {
			t.Run(name+"/"+where, func(t *testing.T) { checkRemoved(t, embed(p.text), p.gone) })
		}
	}
}

func checkRemoved(t *testing.T, in string, gone []string) {
	t.Helper()
	r := New([]byte("salt"))
	out := r.Text(in)
	for _, part := range gone {
		if strings.Contains(out, part) {
			t.Errorf("%q is still in\n%s\nfrom\n%s", part, out, in)
		}
	}
	if again := r.Text(out); again != out {
		t.Errorf("a second time\n%s\nbecomes\n%s", out, again)
	}
	if json.Valid([]byte(in)) && !json.Valid([]byte(out)) {
		t.Errorf("no JSON any more: %s", out)
	}
}
