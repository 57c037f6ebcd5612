package kube

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/client-go/rest"
)

// The kubelet says why it has no log in place of a log.
func TestWhatTheKubeletSaysOfALogIsNoLog(t *testing.T) {
	for text, is := range map[string]bool{
		"unable to retrieve container logs for containerd://8c5e": false,
		`failed to try resolving symlinks in path "/var/log/pods/shop_web-7d4-x1_0f3a/web/1.log": lstat /var/log/pods/shop_web-7d4-x1_0f3a/web/1.log: no such file or directory`: false,
		`failed to open log file "/data/log/shop_web-7d4-x1_0f3a/web/1.log": open /data/log/shop_web-7d4-x1_0f3a/web/1.log: no such file or directory`:                           false,
		`failed to open log file "/var/log/app.log": permission denied`:                                                                                                          true,
		"FATAL: unable to retrieve container logs for anybody":                                                                                                                   true,
		"failed to try resolving symlinks in path \"/srv\": no such file\n":                                                                                                      true,
		"": true,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }))
		client, err := New(&rest.Config{Host: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.Log(t.Context(), Container{Namespace: "shop", Pod: "web-7d4-x1", Name: "web"}, 10, 1000)
		server.Close()
		if (err == nil) != is || is && got != text || !is && got != "" {
			t.Errorf("of %q: %q, %v", text, got, err)
		}
	}
}
