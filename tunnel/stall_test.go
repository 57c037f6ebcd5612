package tunnel_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// Those that wait longest are cut off, when they are too many, and nobody else is.
func TestTooManyThatStall(t *testing.T) {
	for name, c := range map[string]struct{ early, late, cutAfterFiveSeconds, cutAfterAnHour int }{
		"FewMayPause":   {32, 0, 0, 0},
		"OneTooMany":    {1, 32, 0, 1},
		"AllAtOnce":     {300, 0, 44, 268},
		"NothingStalls": {0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan string, 1000)
				client, _, _ := wired(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					piece := make([]byte, 1<<20)
					for {
						if _, err := w.Write(piece); err != nil {
							ended <- r.URL.Path
							return
						}
					}
				}))
				stall := func(path string, times int) {
					for range times {
						request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://far"+path, nil)
						if err != nil {
							t.Fatal(err)
						}
						answer, err := client.RoundTrip(request)
						if err != nil {
							t.Fatal(err)
						}
						t.Cleanup(func() { answer.Body.Close() })
					}
				}
				stall("/early", c.early)
				<-time.After(time.Second)
				stall("/late", c.late)
				<-time.After(12 * time.Second)
				synctest.Wait()
				if len(ended) != c.cutAfterFiveSeconds {
					t.Errorf("%d were cut off soon", len(ended))
				}
				<-time.After(time.Hour)
				synctest.Wait()
				if len(ended) != c.cutAfterAnHour {
					t.Errorf("%d were cut off", len(ended))
				}
				for range len(ended) {
					if path := <-ended; path != "/early" {
						t.Errorf("one of %s was cut off", path)
					}
				}
			})
		})
	}
}
