package injection_test

// mended are the cases that doctor mends by itself where agents are fakes; other remedies of doctor's need the real controller to
// do its part after a restart.
func mended() []string {
	return []string{"ProxyForbidden", "MeshInItself", "LabelRemoved", "AnnotationRemoved", "AnnotationMisspelt", "TargetsUndefined", "ValuesBeyond"}
}

// mend brings the failure about once more and leaves the healing to doctor.
func (b *bench) mend(c injection) {
	defer b.rescue()
	if c.heal != nil {
		defer c.heal(b)
	}
	c.inject(b)
	b.found(c)
	out, problems, code, err := b.Run(b.t.Context(), "", "doctor", c.id, "--fix", "ask", "--yes")
	b.must(err)
	if code != 0 {
		b.t.Fatalf("doctor --fix ended with %d:\n%s\n%s", code, out, problems)
	}
	b.healthy(c.args...)
}
