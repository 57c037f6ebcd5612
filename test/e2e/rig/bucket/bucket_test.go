package bucket_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig/bucket"
)

func TestABucketIsNotForStrangers(t *testing.T) {
	store, err := bucket.Serve(t.Context(), "127.0.0.1:0", "shop", "reader", "harbour")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if err := store.Put(t.Context(), map[string]string{"app/note": "first"}); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, store.URL+"/shop/app/note", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 4 {
		t.Errorf("who signs nothing is answered %s", response.Status)
	}
}
