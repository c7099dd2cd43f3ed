#include <stdint.h>

extern uint32_t __etext, __data_start, __data_end, __bss_start, __bss_end, __stack_top;
int main(void);
void SysTick_Handler(void);
void USART1_Handler(void);
void Fault_Handler(void);
void Reset_Handler(void);

void Reset_Handler(void)
{
    *(volatile uint32_t *)0xE000ED88u |= 0xfu << 20; /* the FPU is off at reset: on, before any float */
    __asm volatile("dsb; isb");
    uint32_t *from = &__etext, *to = &__data_start;
    while (to < &__data_end) *to++ = *from++;
    for (to = &__bss_start; to < &__bss_end;) *to++ = 0;
    main();
    for (;;) {}
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16 + 82])(void) = {
    [0] = (void (*)(void))(uintptr_t)&__stack_top, [1] = Reset_Handler, [2 ... 14] = Fault_Handler, [15] = SysTick_Handler,
    [16 ... 16 + 36] = Fault_Handler, [16 + 37] = USART1_Handler, [16 + 38 ... 16 + 81] = Fault_Handler,
};
