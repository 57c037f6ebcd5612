package connect

import (
	"context"
	"errors"
	"testing"
)

func TestMakingTheKeyDoesNotDelayAnInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if key, err := newKey(ctx); key != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("after Ctrl-C: a key %t, error %v", key != nil, err)
	}
	key, err := newKey(t.Context())
	if err != nil || key.N.BitLen() != keyBits || key.Validate() != nil {
		t.Errorf("the key that was waited for cannot be used: %v", err)
	}
}
