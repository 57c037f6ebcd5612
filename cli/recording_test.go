package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// recordingHub keeps what is recorded in one cluster, as a hub does.
func recordingHub(t *testing.T, set map[string]string) {
	t.Helper()
	answer := func(w http.ResponseWriter) {
		if err := json.NewEncoder(w).Encode(map[string]any{"name": "edge-1", "properties": map[string]any{"clusterConnect": set}}); err != nil {
			t.Error(err)
		}
	}
	cluster := "/subscriptions/" + testSubscription + "/resourceGroups/shops/providers/Microsoft.Kubernetes/connectedClusters/edge-1"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+cluster, func(w http.ResponseWriter, _ *http.Request) { answer(w) })
	mux.HandleFunc("PATCH "+cluster, func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Properties struct{ ClusterConnect map[string]string }
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		maps.Copy(set, asked.Properties.ClusterConnect)
		answer(w)
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	t.Setenv("FAIRLEAD_CONFIG_DIR", t.TempDir())
	signIn(t, server)
}

func TestTypingIsNeverRecordedUnsaid(t *testing.T) {
	const both, neither, output = "Enabled Enabled", "Disabled Disabled", "Enabled Disabled"
	cases := map[string]struct {
		before, args string
		code         int
		after, says  string
	}{
		"OffIsForBoth":      {both, "--session-recording off", ExitOK, neither, "sessions are not recorded"},
		"OnAlone":           {neither, "--session-recording on", ExitOK, output, "what is typed is not"},
		"OnWithInputBefore": {"Disabled Enabled", "--session-recording on", ExitOK, both, "passwords too"},
		"InputAlone":        {neither, "--session-recording-input on", ExitFailed, neither, "--session-recording on --session-recording-input on"},
		"InputWhileOn":      {output, "--session-recording-input on", ExitOK, both, "passwords too"},
		"Together":          {neither, "--session-recording on --session-recording-input on", ExitOK, both, "passwords too"},
		"OffAndInputOn":     {both, "--session-recording off --session-recording-input on", ExitUsage, both, "only with --session-recording on"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			output, input, _ := strings.Cut(c.before, " ")
			set := map[string]string{"sessionRecording": output, "sessionRecordingInput": input}
			recordingHub(t, set)
			var out, errs strings.Builder
			args := append([]string{"connectedk8s", "update", "-n", "edge-1", "-g", "shops", "-o", "json"}, strings.Fields(c.args)...)
			if code := Main(t.Context(), args, Streams{Out: &out, Err: &errs, Env: os.Getenv}); code != c.code {
				t.Errorf("exit code %d: %s", code, errs.String())
			}
			if after := fmt.Sprint(set["sessionRecording"], " ", set["sessionRecordingInput"]); after != c.after {
				t.Errorf("afterwards %s, want %s", after, c.after)
			}
			if !strings.Contains(errs.String(), c.says) {
				t.Errorf("it says %s, want %q", errs.String(), c.says)
			}
		})
	}
}

func TestPlayNamesARecording(t *testing.T) {
	const id = "0b9d2c1e-0000-4000-8000-000000000001"
	cluster := "/subscriptions/" + testSubscription + "/resourceGroups/shops/providers/Microsoft.Kubernetes/connectedClusters/edge-1"
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+cluster+"/recordings/{id}/download", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != id {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"error":{"code":"ResourceNotFound","message":"there is no such recording"}}`)
			return
		}
		_, _ = fmt.Fprint(w, castHeader+`[0, "o", "shown"]`+"\n")
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	t.Setenv("FAIRLEAD_CONFIG_DIR", t.TempDir())
	signIn(t, server)
	for given, want := range map[string]struct {
		code         int
		shown, error string
	}{
		id: {ExitOK, "shown", ""},
		strings.ToUpper(cluster[:14]) + cluster[14:] + "/recordings/" + id: {ExitOK, "shown", ""},
		strings.Replace(id, "1", "2", 1):                                   {ExitNotFound, "", "Error: (ResourceNotFound) there is no such recording\n"},
		cluster + "2/recordings/" + id:                                     {ExitUsage, "", "is not of the cluster"},
		cluster + "/recordings":                                            {ExitUsage, "", "is not the id of a recording"},
	} {
		var out, errs strings.Builder
		args := []string{"connectedk8s", "recording", "play", "-n", "edge-1", "-g", "shops", "--id", given}
		if code := Main(t.Context(), args, Streams{Out: &out, Err: &errs, Env: os.Getenv}); code != want.code || out.String() != want.shown {
			t.Errorf("%s: exit code %d, %q", given, code, out.String())
		}
		if !strings.Contains(errs.String(), want.error) || strings.Contains(errs.String(), "empty") || want.error == "" && errs.String() != "" {
			t.Errorf("%s: it says %s", given, errs.String())
		}
	}
}
