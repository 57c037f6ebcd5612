package main

import "testing"

func TestReplaced(t *testing.T) {
	cases := map[string]struct{ page, want string }{
		"NoPage":    {"", begins + "new\n" + ends},
		"NoSection": {"# Benchmarks\n", "# Benchmarks\n\n" + begins + "new\n" + ends},
		"Between":   {"before\n" + begins + "old\n" + ends + "after\n", "before\n" + begins + "new\n" + ends + "after\n"},
		"Cut":       {"before\n" + begins + "old\n", "before\n" + begins + "new\n" + ends},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := replaced(c.page, "new\n"); got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}
