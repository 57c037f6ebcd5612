package extension_test

import (
	"testing"

	"github.com/fairlead/fairlead"
)

// What each poll of an idle cluster asks, ten thousand times a minute.
func BenchmarkWantedOfAnIdleCluster(b *testing.B) {
	hub := start(b)
	hub.push("1.0.0")
	hub.register(`{"stable":"*"}`)
	a := hub.connect("edge-1")
	hub.install(a)
	id, err := fairlead.ParseResourceID(a.id.String())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if found, err := hub.service.Wanted(b.Context(), id); err != nil || len(found) != 1 {
			b.Fatal(found, err)
		}
	}
}
