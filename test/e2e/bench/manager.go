package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	extensionManager = "extension-manager"
	// In this time extension-manager has compared each release once with what runs. Its memory is read that often meanwhile.
	comparing = 6 * time.Minute
	readEvery = 15 * time.Second
)

// managerMemory is what the pod of extension-manager needs.
type managerMemory struct {
	before pod   // the first release
	small  pod   // with releases of one object each
	large  []pod // with releases of many, from time to time
	// resident is what the process holds in the end with what it shares, in bytes.
	resident int64
}

// manager is the pod of extension-manager now.
func (b *bench) manager(ctx context.Context) (pod, error) { return b.podOf(ctx, extensionManager) }

// readManager reads the memory with what is installed, lets each release have many objects, and reads it again.
func (b *bench) readManager(ctx context.Context, hub *arm, found *managerMemory) (err error) {
	fmt.Fprintf(b.progress, "%s of idleness\n", idle)
	if err := pause(ctx, idle); err != nil {
		return err
	}
	if found.small, err = b.manager(ctx); err != nil {
		return err
	}
	if err := b.enlarge(ctx, hub); err != nil {
		return err
	}
	fmt.Fprintf(b.progress, "releases of %d objects each: %s of idleness\n", manyObjects, idle+comparing)
	if err := pause(ctx, idle); err != nil {
		return err
	}
	for range comparing / readEvery {
		if err := pause(ctx, readEvery); err != nil {
			return err
		}
		now, err := b.manager(ctx)
		if err != nil {
			return err
		}
		found.large = append(found.large, now)
	}
	found.resident, err = b.resident(extensionManager)
	return err
}

// enlarge gives all extensions another setting at once.
func (b *bench) enlarge(ctx context.Context, hub *arm) error {
	for i := range b.installs {
		if err := put(ctx, hub, extensionName(i), map[string]string{"objects": strconv.Itoa(manyObjects)}); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 2*patience, fmt.Errorf("the extensions were not upgraded within %s", 2*patience))
	defer cancel()
	for i := range b.installs {
		if err := succeeds(ctx, hub, extensionName(i)); err != nil {
			return err
		}
	}
	return b.enlarged(ctx, extensionName(b.installs-1))
}

// enlarged makes sure that a release has as many objects as the page says.
func (b *bench) enlarged(ctx context.Context, name string) error {
	notes, err := b.cluster.Kubectl(ctx, "get", "configmaps", "-n", name, "-o", "name")
	if err != nil {
		return err
	}
	if made := strings.Count(notes, "configmap/"+name+"-"); made != manyObjects {
		return fmt.Errorf("release %s has %d objects, not %d", name, made, manyObjects)
	}
	return nil
}

// succeeds waits until the hub says that an extension is as it was asked for.
func succeeds(ctx context.Context, hub *arm, name string) error {
	for {
		var extension struct {
			Properties struct {
				ProvisioningState string `json:"provisioningState"`
			} `json:"properties"`
		}
		if err := hub.get(ctx, extensionResource(name), &extension); err != nil {
			return err
		}
		switch state := extension.Properties.ProvisioningState; state {
		case "Succeeded":
			return nil
		case "Failed":
			return fmt.Errorf("the hub says that extension %s has failed", name)
		}
		if pause(ctx, time.Second) != nil {
			return context.Cause(ctx)
		}
	}
}
