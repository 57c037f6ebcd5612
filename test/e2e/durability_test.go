package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// survivesKilledHub kills the hub in the middle of writes, five times, and looks for every write
// that was acknowledged.
func survivesKilledHub(s *stage) {
	acknowledged := map[string]bool{}
	for round := range 5 {
		for _, name := range s.writeUntilKilled(round) {
			acknowledged[name] = true
		}
		s.startHub()
	}
	if len(acknowledged) == 0 {
		s.t.Fatal("no write was acknowledged before a kill: nothing was shown")
	}
	s.t.Logf("%d acknowledged writes", len(acknowledged))
	var groups []struct {
		Name string `json:"name"`
	}
	if err := s.cli.JSON(s.t.Context(), &groups, "group", "list"); err != nil {
		s.t.Fatal(err)
	}
	for _, group := range groups {
		delete(acknowledged, group.Name)
	}
	if len(acknowledged) != 0 {
		s.t.Errorf("acknowledged and lost: %v", acknowledged)
	}
	s.becomes("Connected", 30*time.Second)
}

// writeUntilKilled lets four writers create resource groups and kills the hub once the twentieth
// (in later rounds a later) write was acknowledged. It returns the acknowledged ones.
func (s *stage) writeUntilKilled(round int) []string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	written := make(chan string)
	var writers sync.WaitGroup
	for writer := range 4 {
		put := s.groupWriter()
		writers.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("kill-%d-%d-%d", round, writer, i)
				if put(ctx, name) != nil {
					return
				}
				written <- name
			}
		})
	}
	go func() { writers.Wait(); close(written) }()
	return s.killAfter(20+7*round, written)
}

func (s *stage) killAfter(count int, written <-chan string) []string {
	s.t.Helper()
	var acknowledged []string
	for name := range written {
		acknowledged = append(acknowledged, name)
		if len(acknowledged) == count {
			if err := s.hub.Kill(); err != nil {
				s.t.Error(err)
			}
		}
	}
	return acknowledged
}

// groupWriter returns a function that creates a resource group over the hub's API.
func (s *stage) groupWriter() func(context.Context, string) error {
	s.t.Helper()
	client, err := s.hub.Client()
	if err != nil {
		s.t.Fatal(err)
	}
	var token struct {
		AccessToken  string `json:"accessToken"`
		Subscription string `json:"subscription"`
	}
	if err := json.Unmarshal([]byte(s.must("account", "get-access-token", "-o", "json")), &token); err != nil {
		s.t.Fatal(err)
	}
	return func(ctx context.Context, name string) error {
		url := s.hub.URL() + "/subscriptions/" + token.Subscription + "/resourcegroups/" + name + "?api-version=2024-11-01"
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(`{"location":"local"}`))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token.AccessToken)
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode > 299 {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		return nil
	}
}
