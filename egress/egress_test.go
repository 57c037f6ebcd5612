package egress_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/egress"
)

func TestAProxyThatRefusesIsNamed(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusBadGateway, 599} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		defer proxy.Close()
		at, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		at.User = url.UserPassword("shop", "unmistakable")
		way := &http.Transport{Proxy: http.ProxyURL(at), OnProxyConnectResponse: egress.CheckConnect}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://charts.example/index.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{Transport: way}).Do(request)
		if err == nil {
			_ = answer.Body.Close()
			t.Fatal("a refused connection worked")
		}
		want := "proxyconnect: the proxy " + at.Host + " does not connect to charts.example:443: "
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "unmistakable") {
			t.Errorf("%d: %v", status, err)
		}
	}
}
