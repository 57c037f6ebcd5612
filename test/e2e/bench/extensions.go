package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

const (
	extensionType = "test.tiny"
	// Objects that a release gets later on, when memory is what is measured.
	manyObjects = 24
)

// installations is what was found out about extensions.
type installations struct {
	ours   []installation
	helm   times // by itself, from the call until its record is there
	memory managerMemory
}

// tiny is a chart of as many objects as its settings say, one when they say nothing.
func tiny() map[string]string {
	return map[string]string{"notes.yaml": `{{- range $i := until (int (.Values.objects | default 1)) }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ $.Release.Name }}-{{ $i }}}
data: {text: hello}
{{- end }}
`}
}

// extensions times how soon Helm starts, and reads what extension-manager needs with what was installed.
func (b *bench) extensions(ctx context.Context) (string, error) {
	if err := b.connect(ctx, "standard"); err != nil {
		return "", err
	}
	for _, agent := range []string{"config-agent", extensionManager, "extension-events-collector"} {
		if _, err := b.cluster.Kubectl(ctx, "rollout", "status", "deployment/"+agent, "-n", "azure-arc", "--timeout=120s"); err != nil {
			return "", err
		}
	}
	chart, err := b.offer(ctx)
	if err != nil {
		return "", err
	}
	hub, err := b.newARM(ctx)
	if err != nil {
		return "", err
	}
	var found installations
	if err := b.installAll(ctx, hub, chart, &found); err != nil {
		return "", err
	}
	if err := b.readManager(ctx, hub, &found.memory); err != nil {
		return "", err
	}
	return found.markdown(), nil
}

// offer pushes the chart to the hub and makes it an extension type.
func (b *bench) offer(ctx context.Context) (chart string, err error) {
	chart = filepath.Join(b.dir, "tiny-1.0.0.tgz")
	if err := rig.WriteChart(chart, "tiny", "1.0.0", tiny()); err != nil {
		return "", err
	}
	if err := b.fairlead(ctx, "registry", "push", chart, "charts"); err != nil {
		return "", err
	}
	return chart, b.fairlead(ctx, "extension-type", "register", extensionType, "--chart", "oci://"+b.hub.Address+"/charts/tiny")
}

// installAll lets Helm by itself and the hub install by turns.
func (b *bench) installAll(ctx context.Context, hub *arm, chart string, found *installations) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	seen, err := b.watchInstallations(ctx)
	if err != nil {
		return err
	}
	if found.memory.before, err = b.manager(ctx); err != nil {
		return err
	}
	for i := range b.installs {
		fmt.Fprintf(b.progress, "install %d of %d\n", i+1, b.installs)
		alone, err := b.helmAlone(ctx, seen, chart, fmt.Sprintf("alone-%d", i))
		if err != nil {
			return err
		}
		ours, err := install(ctx, hub, seen, extensionName(i))
		if err != nil {
			return err
		}
		found.helm, found.ours = append(found.helm, alone), append(found.ours, ours)
	}
	return nil
}

func extensionName(i int) string { return fmt.Sprintf("tiny-%d", i) }
