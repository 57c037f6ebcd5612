package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/fairlead/fairlead"
)

// rule says which folders of ours the packages below a folder may import, and why no others. The
// root package, the vocabulary, and a folder itself are open to all.
type rule struct {
	may    []string
	reason string
}

func rules() map[string]rule {
	return map[string]rule{
		".":          {nil, "the vocabulary must be readable without knowing any part"},
		"proof":      {nil, "hub and agents share request signatures, nothing that stands on them"},
		"distro":     {nil, "agents and onboarding share the detection of distributions"},
		"azcloud":    {nil, "the hub announces az's names and the CLI explains them; they are made up in one place"},
		"caller":     {[]string{"dataaction"}, "hub and kube-aad-proxy share the statement of a caller, nothing that stands on it"},
		"dataaction": {nil, "hub and kube-aad-proxy weigh the same grants in the same way"},
		"tunnel":     {nil, "hub and agents share the tunnel's two ends, and neither knows the other"},
		"discovery":  {nil, "hub and local proxy refuse kubectl in the same form"},
		"egress":     {nil, "agents, people's tools and local proxy name a proxy that refuses in the same words"},
		"lastword":   {nil, "hub, kube-aad-proxy and local proxy end a watch in the same form"},
		"arcproxy":   {[]string{"discovery", "egress", "lastword"}, "the local proxy knows a hub by its wire format only, and runs without the rest of the CLI"},
		"store":      {nil, "storage does not know what it stores"},
		"image":      {nil, "packing an image needs no hub"},
		"chart":      {nil, "the chart is data"},
		"hub":        {[]string{"store", "proof", "image", "chart", "azcloud", "tunnel", "caller", "dataaction", "discovery", "lastword"}, "the hub never knows how agents or people call it"},
		"agent":      {[]string{"proof", "distro", "chart", "tunnel", "caller", "dataaction", "egress", "lastword"}, "agents know the hub by its wire format only; their tests install the chart"},
		"client":     {[]string{"egress"}, "people's tools know the hub by its wire format only"},
		"connect":    {[]string{"client", "distro"}, "onboarding is a caller of the hub and of a cluster"},
		"doctor":     {nil, "doctor runs where no hub answers, on clusters that Fairlead never saw"},
		"cli":        {[]string{"arcproxy", "client", "connect", "doctor", "hub", "agent", "image", "azcloud"}, "the CLI starts every part and holds none"},
		"cmd":        {[]string{"cli", "doctor"}, "main does nothing itself"},
		"internal":   {nil, "mechanisms without domain meaning"},
		"test":       {[]string{"cli", "agent"}, "tests drive the binary; a cluster without Kubernetes speaks with the agents' own code"},
	}
}

func TestImports(t *testing.T) {
	for folder, files := range sources(t) {
		top, _, _ := strings.Cut(folder, "/")
		allowed, known := rules()[top]
		if doctorsParts()[folder] != nil {
			allowed.may = append(allowed.may, "doctor") // TestAgentsTakeOnlyPartsOfDoctor says how much of it
		}
		if !known {
			t.Errorf("folder %s is in no rule: say in this table what it may import, and why", folder)
			continue
		}
		for name, file := range files {
			checkImports(t, filepath.Join(folder, name), file, rule{append(allowed.may, top), allowed.reason})
		}
	}
}

func checkImports(t *testing.T, name string, file *ast.File, allowed rule) {
	t.Helper()
	if strings.HasSuffix(name, "_test.go") {
		allowed.may = append(slices.Clip(allowed.may), "internal") // all tests may, and nothing of the product
	}
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		ours, found := strings.CutPrefix(path, module+"/")
		if !found || slices.Contains(allowed.may, strings.Split(ours, "/")[0]) {
			continue
		}
		t.Errorf("%s imports %s: %s", name, ours, allowed.reason)
	}
}

// Only the files that start them, or look after a hub's own folder, may import hub and agent in the
// CLI, so that every other command keeps to the wire.
func TestOnlyStartersImportParts(t *testing.T) {
	for name, file := range sources(t)["cli"] {
		for _, spec := range file.Imports {
			ours, found := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"/")
			part, _, _ := strings.Cut(ours, "/")
			if found && (part == "hub" || part == "agent") && !strings.HasPrefix(name, part) && !strings.HasSuffix(name, "_test.go") {
				t.Errorf("cli/%s imports %s", name, ours)
			}
		}
	}
}

// extension-manager and doctor have to say the same of a pod that does not run, so they judge it with the same code: that which
// makes no call and knows no catalogue.
func TestAgentsTakeOnlyPartsOfDoctor(t *testing.T) {
	all := sources(t)
	for folder, parts := range doctorsParts() {
		for name, file := range all[folder] {
			for _, spec := range file.Imports {
				ours, found := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"/doctor")
				if found && !slices.Contains(parts, ours) {
					t.Errorf("%s/%s imports doctor%s", folder, name, ours)
				}
			}
		}
	}
}

// doctorsParts are what of doctor some folders of the agents may use: its judgement of workloads, and its eye for secrets.
func doctorsParts() map[string][]string {
	return map[string][]string{
		"agent/extension/cause": {"", "/snapshot", "/workload"},
		"agent/extensionevents": {"/redact"},
		"agent/fluxlogs":        {"/redact"},
	}
}

func TestVocabularyImportsStandardLibraryOnly(t *testing.T) {
	for name, file := range sources(t)["."] {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, spec := range file.Imports {
			if first, _, _ := strings.Cut(strings.Trim(spec.Path.Value, `"`), "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s", name, spec.Path.Value)
			}
		}
	}
}

func TestOnePackageComment(t *testing.T) {
	for folder, files := range sources(t) {
		comments := 0
		for name, file := range files {
			if file.Doc != nil && !strings.HasSuffix(name, "_test.go") {
				comments++
			}
		}
		if comments > 1 || comments == 0 && !onlyTests(files) {
			t.Errorf("package in %s has %d package comments, want 1", folder, comments)
		}
	}
}

func onlyTests(files map[string]*ast.File) bool {
	for name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			return false
		}
	}
	return true
}

func TestModuleHasNoReplace(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(content), "\nreplace") {
		t.Error("go.mod has a replace: whoever imports us would not get it")
	}
}

func sources(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	found := map[string]map[string]*ast.File{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enter(path, entry.Name())
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		folder, _ := filepath.Rel(root, filepath.Dir(path))
		if found[folder] == nil {
			found[folder] = map[string]*ast.File{}
		}
		found[folder][entry.Name()] = file
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// enter skips hidden folders, test data and modules of their own.
func enter(path, name string) error {
	if path == root {
		return nil
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	if err == nil || name == "testdata" || strings.HasPrefix(name, ".") {
		return filepath.SkipDir
	}
	return nil
}
