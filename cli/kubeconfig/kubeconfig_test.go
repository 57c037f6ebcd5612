package kubeconfig_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/cli/kubeconfig"
)

const others = `apiVersion: v1
kind: Config
current-context: mine
clusters: [{name: mine, cluster: {server: "https://mine:6443", certificate-authority: certs/ca.crt}}]
users: [{name: mine, user: {token: secret}}]
contexts: [{name: mine, context: {cluster: mine, user: mine, namespace: work}}]
`

func entry(name string) kubeconfig.Entry {
	return kubeconfig.Entry{
		Name: name, Server: "https://hub/kubernetes/" + name, Authority: []byte("PEM"), User: &clientcmdapi.AuthInfo{Token: "local"},
		Same: func(server string) bool { return strings.HasSuffix(server, "/"+name) },
	}
}

func merge(t *testing.T, file string, one kubeconfig.Entry, existing kubeconfig.Existing) *kubeconfig.Merged {
	t.Helper()
	merged, err := kubeconfig.Merge(t.Context(), file, one, existing)
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

func load(t *testing.T, file string) *clientcmdapi.Config {
	t.Helper()
	config, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestMergeMakesAFileThatIsTheOwnersAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "config")
	merge(t, file, entry("edge-1"), kubeconfig.Keep)
	config := load(t, file)
	if config.CurrentContext != "edge-1" || config.Clusters["fairlead-edge-1"].Server != "https://hub/kubernetes/edge-1" || config.AuthInfos["fairlead-edge-1"].Token != "local" {
		t.Errorf("it holds %+v", config)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestMergeKeepsWhatIsThereAndUndoGoesBack(t *testing.T) {
	cases := map[string]struct{ reason, before string }{
		"Empty":    {"a file that somebody touched", ""},
		"Existing": {"other clusters stay, and relative paths stay relative", others},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config")
			write(t, file, c.before)
			before := load(t, file)
			merged := merge(t, file, entry("edge-1"), kubeconfig.Keep)
			after := load(t, file)
			if after.CurrentContext != "edge-1" || len(after.Contexts) != len(before.Contexts)+1 {
				t.Errorf("%s: %+v", c.reason, after)
			}
			if mine := after.Clusters["mine"]; c.before != "" && (mine.CertificateAuthority != "certs/ca.crt" || after.Contexts["mine"].Namespace != "work") {
				t.Errorf("%s: %+v", c.reason, mine)
			}
			if err := merged.Undo(t.Context()); err != nil {
				t.Fatal(err)
			}
			if now := load(t, file); now.CurrentContext != before.CurrentContext || len(now.Contexts) != len(before.Contexts) || len(now.Clusters) != len(before.Clusters) || len(now.AuthInfos) != len(before.AuthInfos) {
				t.Errorf("%s: afterwards %+v", c.reason, now)
			}
		})
	}
}

func TestUndoPutsBackTheFormerWayToTheSameCluster(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	merge(t, file, entry("edge-1"), kubeconfig.Keep)
	config := load(t, file)
	config.Contexts["edge-1"].Namespace = "shop"
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	another := entry("edge-1")
	another.Server, another.User = "https://127.0.0.1:47011/edge-1", &clientcmdapi.AuthInfo{Token: "other"}
	merged := merge(t, file, another, kubeconfig.Keep)
	if now := load(t, file); now.Clusters["fairlead-edge-1"].Server != another.Server || now.Contexts["edge-1"].Namespace != "shop" {
		t.Errorf("merged: %+v", now.Clusters["fairlead-edge-1"])
	}
	if err := merged.Undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := load(t, file); now.Clusters["fairlead-edge-1"].Server != entry("edge-1").Server || now.AuthInfos["fairlead-edge-1"].Token != "local" || now.CurrentContext != "edge-1" {
		t.Errorf("undone: %+v", now)
	}
}

func TestUndoNeverPutsBackADeadProxy(t *testing.T) {
	passing := func(server string) bool { return strings.HasPrefix(server, "https://127.0.0.1:") }
	proxied := func(port string) kubeconfig.Entry {
		one := entry("edge-1")
		one.Server, one.Passing, one.User = "https://127.0.0.1:"+port+"/edge-1", passing, &clientcmdapi.AuthInfo{Token: port}
		return one
	}
	azures := strings.ReplaceAll(others, "https://mine:6443", "https://127.0.0.1:47011/edge-1") + "- {name: edge-1, context: {cluster: mine, user: mine}}\n"
	azures = strings.Replace(azures, "contexts: [{name: mine, context: {cluster: mine, user: mine, namespace: work}}]", "contexts:", 1)
	for name, before := range map[string]string{"Own": others, "OfAz": azures} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config")
			write(t, file, before)
			if name == "Own" {
				merge(t, file, proxied("47011"), kubeconfig.Keep) // and killed
			}
			if err := merge(t, file, proxied("47012"), kubeconfig.Keep).Undo(t.Context()); err != nil {
				t.Fatal(err)
			}
			now := load(t, file)
			if now.Contexts["edge-1"] != nil || now.Clusters["fairlead-edge-1"] != nil || now.AuthInfos["fairlead-edge-1"] != nil || now.CurrentContext == "edge-1" {
				t.Errorf("the way to the dead one is back: %+v", now)
			}
			if now.Clusters["mine"] == nil {
				t.Error("somebody else's cluster has gone")
			}
		})
	}
}

func TestUndoLeavesWhatSomebodyElseHasMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	write(t, file, others)
	merged := merge(t, file, entry("edge-1"), kubeconfig.Keep)
	newer := entry("edge-1")
	newer.User = &clientcmdapi.AuthInfo{Token: "newer"}
	merge(t, file, newer, kubeconfig.Keep)
	if err := merged.Undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := load(t, file); now.AuthInfos["fairlead-edge-1"] == nil || now.CurrentContext != "edge-1" {
		t.Errorf("the newer entry has gone: %+v", now)
	}
}

func TestAContextThatLeadsElsewhereIsNotLost(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	write(t, file, others)
	_, err := kubeconfig.Merge(t.Context(), file, entry("mine"), kubeconfig.Keep)
	if fairlead.CodeOf(err) != "ContextTaken" || !strings.Contains(err.Error(), "https://mine:6443") {
		t.Errorf("got %v", err)
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != others {
		t.Errorf("the file changed: %s, %v", content, err)
	}
	merge(t, file, entry("mine"), kubeconfig.Replace)
	now := load(t, file)
	if now.Contexts["mine"].Cluster != "fairlead-mine" || now.Contexts["mine"].Namespace != "" || now.Clusters["mine"] == nil {
		t.Errorf("replaced: %+v", now)
	}
}

func TestKUBECONFIGDecidesWhichFile(t *testing.T) {
	dir := t.TempDir()
	absent, first, second := filepath.Join(dir, "absent"), filepath.Join(dir, "first"), filepath.Join(dir, "second")
	write(t, first, "")
	write(t, second, others)
	t.Setenv("KUBECONFIG", strings.Join([]string{absent, first, second}, string(os.PathListSeparator)))
	if merged := merge(t, "", entry("edge-1"), kubeconfig.Keep); merged.File != first {
		t.Errorf("merged into %s", merged.File)
	}
	if _, err := kubeconfig.Merge(t.Context(), "", entry("mine"), kubeconfig.Keep); fairlead.CodeOf(err) != "ContextTaken" {
		t.Errorf("a context of the second file was hidden: %v", err)
	}
}

func TestALinkStaysALink(t *testing.T) {
	for name, exists := range map[string]string{"Existing": others, "Dangling": ""} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
			if exists != "" {
				write(t, target, exists)
			}
			if err := os.Symlink("target", link); err != nil {
				t.Fatal(err)
			}
			merge(t, link, entry("edge-1"), kubeconfig.Keep)
			if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("the link is %v, %v", info.Mode(), err)
			}
			if load(t, target).Contexts["edge-1"] == nil {
				t.Error("the target was not written")
			}
		})
	}
}

func TestWhatCannotBeWrittenIsLeft(t *testing.T) {
	dir := t.TempDir()
	readOnly, damaged, locked, folder := filepath.Join(dir, "ro"), filepath.Join(dir, "damaged"), filepath.Join(dir, "locked"), filepath.Join(dir, "folder")
	write(t, readOnly, others)
	write(t, damaged, "{")
	if err := os.Chmod(readOnly, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ file, want string }{
		"ReadOnly": {readOnly, "is read-only"}, "Damaged": {damaged, "cannot be read"}, "Folder": {folder, "is no file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := kubeconfig.Merge(t.Context(), c.file, entry("edge-1"), kubeconfig.Replace); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	t.Run("Locked", func(t *testing.T) {
		write(t, locked+".lock", "")
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := kubeconfig.Merge(short, locked, entry("edge-1"), kubeconfig.Keep); fairlead.CodeOf(err) != "KubeconfigLocked" {
			t.Errorf("got %v", err)
		}
	})
}

// A program that was killed while it wrote leaves its lock; kubectl's is an empty file that nobody may read.
func TestTheLockOfADeadProgramIsBroken(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(dir, "config")
		if err := os.WriteFile(file+".lock", nil, 0); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		merge(t, file, entry("edge-1"), kubeconfig.Keep)
		if waited := time.Since(before); waited < 5*time.Second || waited > 6*time.Second {
			t.Errorf("it waited for %s", waited)
		}
	})
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Whoever writes again and again is alive: its lock is another one each time.
func TestALockThatChangesHandsIsNotBroken(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(dir, "config")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for at := time.Unix(0, 0); ctx.Err() == nil; at = at.Add(time.Second) {
				if os.WriteFile(file+".lock", nil, 0o600) != nil || os.Chtimes(file+".lock", at, at) != nil {
					t.Error("the lock cannot be renewed")
				}
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
			}
		}()
		synctest.Wait()
		if _, err := kubeconfig.Merge(t.Context(), file, entry("edge-1"), kubeconfig.Keep); fairlead.CodeOf(err) != "KubeconfigLocked" {
			t.Errorf("got %v", err)
		}
		cancel()
		<-done
	})
}

// kubectl and several proxies may write at the same time.
func TestMergesAtTheSameTimeAreAllKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	var all sync.WaitGroup
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, name := range names {
		all.Go(func() {
			if _, err := kubeconfig.Merge(t.Context(), file, entry(name), kubeconfig.Keep); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if now := load(t, file); len(now.Contexts) != len(names) {
		t.Errorf("%d of %d contexts are there", len(now.Contexts), len(names))
	}
}

func TestAlone(t *testing.T) {
	content, err := entry("edge-1").Alone()
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.Load(content)
	if err != nil || config.CurrentContext != "edge-1" || len(config.Contexts) != 1 {
		t.Errorf("%+v, %v", config, err)
	}
}
