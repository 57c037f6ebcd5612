package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is how long one thing that is measured may take.
const patience = 2 * time.Minute

// sightings are when things were first seen, by what they are called.
type sightings struct {
	mu      sync.Mutex
	seen    map[string]time.Time
	failure error
	changed chan struct{} // closed with the next sighting
}

func newSightings() *sightings {
	return &sightings{seen: map[string]time.Time{}, changed: make(chan struct{})}
}

func (s *sightings) see(names ...string) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if _, before := s.seen[name]; !before {
			s.seen[name] = now
		}
	}
	s.wake()
}

func (s *sightings) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
	s.wake()
}

// wake tells who waits. The lock is held.
func (s *sightings) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// when waits until something has been seen, and returns the moment.
func (s *sightings) when(ctx context.Context, name string) (time.Time, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("%q was not seen within %s", name, patience))
	defer cancel()
	for {
		s.mu.Lock()
		at, there := s.seen[name]
		failure, changed := s.failure, s.changed
		s.mu.Unlock()
		if there || failure != nil {
			return at, failure
		}
		select {
		case <-ctx.Done():
			return at, context.Cause(ctx)
		case <-changed:
		}
	}
}

// kind is which objects are watched.
type kind struct {
	schema.GroupVersionResource

	labels string // a selector
}

// watch calls see with what each object of a kind shows, from now until the end of ctx. Of every change there is one event, so
// that nothing is missed that an object shows for a moment only.
func (s *sightings) watch(ctx context.Context, kubeconfig string, what kind, shows func(*unstructured.Unstructured) []string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	events, err := client.Resource(what.GroupVersionResource).Watch(ctx, metav1.ListOptions{LabelSelector: what.labels})
	if err != nil {
		return fmt.Errorf("watch %s: %w", what.Resource, err)
	}
	go s.follow(events, shows) // ends with ctx
	return nil
}

func (s *sightings) follow(events watch.Interface, shows func(*unstructured.Unstructured) []string) {
	defer events.Stop()
	for event := range events.ResultChan() {
		object, is := event.Object.(*unstructured.Unstructured)
		if !is || event.Type == watch.Error {
			break
		}
		s.see(shows(object)...)
	}
	s.fail(errors.New("a watch of the API server has ended"))
}
