package limit

import (
	"strconv"
	"testing"
)

func TestEachNameIsNewOnceAndNotForEver(t *testing.T) {
	var once Once
	if !once.First("a") || once.First("a") || !once.First("b") {
		t.Error("a name is new the first time, and only then")
	}
	for i := range maxNames {
		once.First(strconv.Itoa(i))
	}
	if once.First("one more") {
		t.Error("its memory has no bound")
	}
}
