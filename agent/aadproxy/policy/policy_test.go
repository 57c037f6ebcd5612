package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/agent/aadproxy/policy"
	"github.com/fairlead/fairlead/dataaction"
)

// monday is one at noon in Berlin.
func monday() time.Time { return time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC) }

func parse(t *testing.T, text string) *policy.Policy {
	t.Helper()
	found, err := policy.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// ask reads "verb resource.group/subresource namespace" or "verb /path".
func ask(text string) dataaction.Request {
	fields := strings.Fields(text)
	r := dataaction.Request{Verb: fields[0]}
	if strings.HasPrefix(fields[1], "/") {
		r.Path = fields[1]
		return r
	}
	whole, subresource, _ := strings.Cut(fields[1], "/")
	r.Resource, r.Group, _ = strings.Cut(whole, ".")
	r.Subresource = subresource
	if len(fields) > 2 {
		r.Namespace = fields[2]
	}
	return r
}

func ada() policy.Subject {
	return policy.Subject{User: "Ada@example.org", Groups: []string{"0aaa", "0BBB"}, ObjectID: "0ccc"}
}

func TestWhatRulesFit(t *testing.T) {
	const allowRest, denyRest = "otherwise: allow\nrules:\n- {effect: deny, ", "otherwise: deny\nrules:\n- {effect: allow, "
	cases := map[string]struct {
		reason, text, asked string
		refused             bool
	}{
		"NoRules":          {"nothing is said", "otherwise: allow", "delete nodes", false},
		"NoRulesDeny":      {"nothing is allowed", "otherwise: deny", "get pods shop", true},
		"Discovery":        {"kubectl needs to know the kinds", "otherwise: deny", "get /apis/apps/v1", false},
		"OpenAPI":          {"and how they look", "otherwise: deny", "get /openapi/v3/apis/apps/v1", false},
		"Metrics":          {"what tells of what runs is weighed", "otherwise: deny", "get /metrics", true},
		"Logs":             {"as are a node's logs", "otherwise: deny", "get /logs/kube-apiserver.log", true},
		"WhoAmI":           {"and who one is", "otherwise: deny", "create selfsubjectreviews.authentication.k8s.io", false},
		"CanI":             {"and what one may", "otherwise: deny", "create selfsubjectaccessreviews.authorization.k8s.io", false},
		"OthersReview":     {"what others may is not for everybody", "otherwise: deny", "create subjectaccessreviews.authorization.k8s.io", true},
		"User":             {"by name", allowRest + "users: [ada@example.org]}", "get pods shop", true},
		"UserPattern":      {"by a part of it", allowRest + "users: ['*@example.org']}", "get pods shop", true},
		"OtherUser":        {"somebody else", allowRest + "users: [bob@example.org]}", "get pods shop", false},
		"Group":            {"by group, in any case", allowRest + "groups: [0bbb]}", "get pods shop", true},
		"ObjectID":         {"by object id", allowRest + "objectIds: [0CCC]}", "get pods shop", true},
		"NotAnAccount":     {"she is no service account", allowRest + "serviceAccounts: ['*/*']}", "get pods shop", false},
		"OneIsEnough":      {"of who", allowRest + "users: [bob], groups: [0aaa]}", "get pods shop", true},
		"Verb":             {"this verb", allowRest + "verbs: [delete]}", "delete pods shop", true},
		"OtherVerb":        {"not that", allowRest + "verbs: [delete]}", "deletecollection pods shop", false},
		"Read":             {"three verbs", denyRest + "verbs: [read]}", "watch pods shop", false},
		"ReadIsNotExec":    {"although it is a GET", denyRest + "verbs: [read]}", "get pods/exec shop", true},
		"GetIsNotExec":     {"by whatever word", denyRest + "verbs: [get, create]}", "create pods/attach shop", true},
		"ReadIsNotProxy":   {"nor the proxy", denyRest + "verbs: [read]}", "get nodes/proxy", true},
		"Exec":             {"exec is meant", allowRest + "verbs: [exec]}", "get pods/portforward shop", true},
		"ExecOnly":         {"and only that", allowRest + "verbs: [exec]}", "create pods shop", false},
		"Write":            {"everything that is no read", allowRest + "verbs: [write]}", "patch pods shop", true},
		"WriteUnknown":     {"what is new, too", allowRest + "verbs: [write]}", "frobnicate pods shop", true},
		"Namespace":        {"this namespace", allowRest + "namespaces: [prod-*]}", "get pods prod-eu", true},
		"OtherNamespace":   {"not that", allowRest + "namespaces: [prod-*]}", "get pods shop", false},
		"AllNamespaces":    {"a list of all shows the one that is forbidden", allowRest + "namespaces: [prod]}", "list secrets", true},
		"AllWatched":       {"as does a watch", allowRest + "namespaces: [prod]}", "watch crontabs.stable.example.org", true},
		"ClusterKinds":     {"nodes are in no namespace", allowRest + "namespaces: [prod]}", "list nodes", false},
		"AllowNotAll":      {"one namespace is not all", denyRest + "namespaces: [shop]}", "list pods", true},
		"AllowOne":         {"it is one", denyRest + "namespaces: [shop]}", "list pods shop", false},
		"Resource":         {"this resource", allowRest + "resources: [secrets]}", "get secrets shop", true},
		"OtherGroup":       {"of this group", allowRest + "resources: [deployments]}", "get deployments.apps shop", false},
		"WithGroup":        {"with its group", allowRest + "resources: [deployments.apps]}", "get deployments.apps shop", true},
		"AllOfGroup":       {"all of a group", allowRest + "resources: ['*.apps']}", "get deployments.apps shop", true},
		"Subresource":      {"who denies pods denies their logs", allowRest + "resources: [pods]}", "get pods/log shop", true},
		"AllowSubresource": {"who allows pods does not allow exec", denyRest + "resources: [pods]}", "create pods/exec shop", true},
		"AllowNamed":       {"unless it is named", denyRest + "resources: [pods, pods/log]}", "get pods/log shop", false},
		"AllSubresources":  {"all of them", denyRest + "resources: ['pods/*']}", "create pods/exec shop", false},
		"Both":             {"all that a rule says must fit", allowRest + "verbs: [delete], namespaces: [prod]}", "delete pods shop", false},
		"First":            {"the first rule decides", "otherwise: deny\nrules:\n- {effect: allow, verbs: [get]}\n- {effect: deny}", "get pods shop", false},
		"InHours":          {"noon on a Monday", denyRest + "hours: {timeZone: Europe/Berlin, days: [mon], from: '09:00', to: '17:00'}}", "get pods shop", false},
		"AfterHours":       {"not yet", denyRest + "hours: {timeZone: Europe/Berlin, from: '13:00', to: '17:00'}}", "get pods shop", true},
		"ZoneCounts":       {"noon in Berlin is evening in Tokyo", denyRest + "hours: {timeZone: Asia/Tokyo, from: '09:00', to: '17:00'}}", "get pods shop", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := parse(t, c.text).For(ada()).Decide(ask(c.asked), monday())
			if (err != nil) != c.refused {
				t.Errorf("%v: %s", err, c.reason)
			}
		})
	}
}

func TestServiceAccounts(t *testing.T) {
	p := parse(t, "otherwise: deny\nrules:\n- {name: robots, effect: allow, serviceAccounts: [ci/deployer, 'tools/*']}")
	for account, want := range map[string]bool{"ci/deployer": true, "ci/other": false, "tools/x": true, "toolsx/x": false} {
		err := p.For(policy.Subject{User: "system:serviceaccount:" + strings.Replace(account, "/", ":", 1), ServiceAccount: account}).Decide(ask("get pods shop"), monday())
		if (err == nil) != want {
			t.Errorf("%s: %v", account, err)
		}
	}
}

func TestHoursOverMidnight(t *testing.T) {
	p := parse(t, "otherwise: deny\nrules:\n- {effect: allow, hours: {timeZone: UTC, days: [mon], from: '22:00', to: '06:00'}}")
	for text, want := range map[string]bool{
		"Mon 21:59": false, "Mon 22:00": true, "Tue 05:59": true, "Tue 06:00": false, "Tue 22:30": false, "Mon 05:00": false,
	} {
		day, clock, _ := strings.Cut(text, " ")
		at, err := time.Parse("15:04", clock)
		if err != nil {
			t.Fatal(err)
		}
		date := map[string]int{"Mon": 23, "Tue": 24}[day]
		now := time.Date(2026, 11, date, at.Hour(), at.Minute(), 0, 0, time.UTC)
		if err := p.For(ada()).Decide(ask("get pods shop"), now); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRefusalsNameTheRule(t *testing.T) {
	p := parse(t, "otherwise: allow\nrules:\n- {effect: allow, verbs: [get]}\n- {name: no deletions on Mondays, effect: deny, verbs: [delete]}")
	if err := p.For(ada()).Decide(ask("delete pods shop"), monday()); err == nil || err.Error() != `rule 2 ("no deletions on Mondays")` {
		t.Errorf("%v", err)
	}
}

func TestUnreadablePolicies(t *testing.T) {
	rule := func(text string) string { return "otherwise: allow\nrules:\n- {effect: deny, " + text + "}" }
	for name, c := range map[string]struct{ text, says string }{
		"Empty":         {"", "otherwise"},
		"NotYAML":       {"{", "not as it must be"},
		"UnknownField":  {"otherwise: allow\nrule: []", "rule"},
		"UnknownInRule": {rule("verb: [get]"), "verb"},
		"Twice":         {"otherwise: allow\notherwise: deny", "otherwise"},
		"NoEffect":      {"otherwise: allow\nrules: [{verbs: [get]}]", "rule 1: effect"},
		"Effect":        {"otherwise: permit", "otherwise"},
		"Verb":          {rule("verbs: [exec, gets]"), `there is no "gets"`},
		"EmptyList":     {rule("users: []"), "users: the list is empty"},
		"EmptyItem":     {rule("users: ['']"), "users"},
		"Account":       {rule("serviceAccounts: [robot]"), "NAMESPACE/NAME"},
		"NoZone":        {rule("hours: {from: '09:00'}"), "timeZone"},
		"Zone":          {rule("hours: {timeZone: Europe/Atlantis}"), "Atlantis"},
		"ZonePath":      {rule("hours: {timeZone: ../../etc/passwd}"), "timeZone"},
		"Day":           {rule("hours: {timeZone: UTC, days: [monday]}"), "monday"},
		"Clock":         {rule("hours: {timeZone: UTC, from: '9:00'}"), "9:00"},
		"Clock25":       {rule("hours: {timeZone: UTC, to: '25:00'}"), "25:00"},
		"Never":         {rule("hours: {timeZone: UTC, from: '09:00', to: '09:00'}"), "same time"},
		"Large":         {"otherwise: allow\n#" + strings.Repeat("x", 256<<10), "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := policy.Parse(c.text)
			if err == nil || found != nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want something about %q", err, c.says)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("otherwise: deny\nrules:\n- {name: x, effect: allow, users: ['*@a*b'], verbs: [read], hours: {timeZone: UTC, days: [mon], from: '22:00', to: '06:00'}}", "get", "pods", "shop", "exec")
	f.Add("otherwise: allow\nrules: [{effect: deny, namespaces: [prod], resources: ['*.apps/*']}]", "list", "secrets", "", "")
	f.Fuzz(func(t *testing.T, text, verb, resource, namespace, subresource string) {
		found, err := policy.Parse(text)
		if (err == nil) == (found == nil) {
			t.Fatal("a policy with an error, or neither")
		}
		if err != nil {
			return
		}
		q := dataaction.Request{Verb: verb, Resource: resource, Namespace: namespace, Subresource: subresource}
		verdict := found.For(ada()).Decide(q, monday())
		if len(found.Rules) == 0 && found.Otherwise == policy.Deny && resource != "" && verb != "create" && verdict == nil {
			t.Error("nothing is allowed, and this passes")
		}
	})
}
