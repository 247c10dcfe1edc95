"""The guide's YAML files as they stand in it, by the names of their files."""

SFT = """
model:
  name: Qwen/Qwen2.5-Coder-7B
  trust_remote_code: true

data:
  train_file: data/train.jsonl
  max_seq_length: 2048

lora:
  r: 16
  alpha: 32
  dropout: 0.05

training:
  output_dir: models/sft
  num_train_epochs: 3
  per_device_train_batch_size: 2
  gradient_accumulation_steps: 16
  learning_rate: 2e-4
  bf16: true
  gradient_checkpointing: true

  # Critical for Strix Halo
  dataloader_num_workers: 0
  dataloader_pin_memory: false
"""

CURRICULUM = """
curriculum_strategy: progressive

cycles:
  - verifier: gcc
    reward_threshold: 0.3
  - verifier: gcc
    reward_threshold: 0.5
  - verifier: gcc
    run_after_compile: true
    reward_threshold: 0.7
"""

MEMORY = """
training:
  batch_size: 2
  gradient_accumulation: 16
  bf16: true  # NOT 4-bit (slower on Strix Halo)
  gradient_checkpointing: true

  # Critical for unified memory
  dataloader_num_workers: 0
  dataloader_pin_memory: false
"""
